package cairn.sigv4;

import cairn.Fault;

/**
 * Why a signed request was refused; finer than {@link Fault}, because AWS has a code of its own for many of these. Each
 * constant names the nearest one, where it is not {@code IncompleteSignature}.
 */
public enum SigV4Fault {
    /** Nothing in the request says who sent it. AWS: {@code MissingAuthenticationToken}. */
    MISSING_AUTHENTICATION(Fault.UNAUTHENTICATED),
    /** A part of the authentication is missing, unknown or not in its form. */
    MALFORMED_AUTHENTICATION(Fault.INVALID_REQUEST),
    /** Authentication in the headers and in the query at once, or a part of it twice. */
    AMBIGUOUS_AUTHENTICATION(Fault.INVALID_REQUEST),
    /** Not AWS4-HMAC-SHA256. */
    UNKNOWN_ALGORITHM(Fault.INVALID_REQUEST),
    /** The credential is not KEY/DATE/REGION/SERVICE/aws4_request. */
    MALFORMED_SCOPE(Fault.INVALID_REQUEST),
    /** Signed for a service that is not offered here. AWS: {@code SignatureDoesNotMatch}. */
    WRONG_SERVICE(Fault.UNAUTHENTICATED),
    /** Signed for a region that is not offered here. AWS: {@code SignatureDoesNotMatch}, in EC2 {@code AuthFailure}. */
    WRONG_REGION(Fault.UNAUTHENTICATED),
    /** Keys here are lasting ones; they come without session tokens. AWS: {@code InvalidClientTokenId}. */
    SESSION_TOKEN(Fault.UNAUTHENTICATED),
    DATE_MISSING(Fault.INVALID_REQUEST),
    DATE_MALFORMED(Fault.INVALID_REQUEST),
    /** X-Amz-Date is of another day than the credential scope. AWS: {@code SignatureDoesNotMatch}. */
    DATE_NOT_OF_SCOPE(Fault.INVALID_REQUEST),
    /** X-Amz-Expires is missing, or not 1 to 604800. AWS: {@code AuthorizationQueryParametersError}. */
    EXPIRES_MALFORMED(Fault.INVALID_REQUEST),
    /** The clocks differ by more than 15 minutes. AWS: {@code RequestExpired}, in S3 {@code RequestTimeTooSkewed}. */
    CLOCK_SKEWED(Fault.UNAUTHENTICATED),
    /** A presigned request from the future. AWS: {@code RequestExpired}. */
    NOT_YET_VALID(Fault.UNAUTHENTICATED),
    /** A presigned request that is past its time. AWS: {@code RequestExpired}. */
    EXPIRED(Fault.UNAUTHENTICATED),
    /** {@code host} is not among the signed headers. */
    HOST_NOT_SIGNED(Fault.INVALID_REQUEST),
    /** A header that must be signed, and is not. AWS: {@code SignatureDoesNotMatch}. */
    HEADER_NOT_SIGNED(Fault.INVALID_REQUEST),
    /** A header is said to be signed, and did not arrive. AWS: {@code SignatureDoesNotMatch}. */
    SIGNED_HEADER_ABSENT(Fault.INVALID_REQUEST),
    /** More signed headers or query parameters than the named limit. AWS: {@code InvalidParameterValue}. */
    LIMIT_EXCEEDED(Fault.INVALID_REQUEST),
    /** A char that is no byte, a broken percent escape. AWS: {@code MalformedQueryString}. */
    MALFORMED_REQUEST(Fault.INVALID_REQUEST),
    /** x-amz-content-sha256 is neither a lower-case SHA-256 nor UNSIGNED-PAYLOAD. AWS: {@code InvalidArgument}. */
    PAYLOAD_HASH_MALFORMED(Fault.INVALID_REQUEST),
    /** The body's hash is neither in the request nor known otherwise. AWS: {@code MissingSecurityHeader}. */
    PAYLOAD_HASH_MISSING(Fault.INVALID_REQUEST),
    /** The body was to be signed chunk by chunk, which is not offered. AWS: {@code NotImplemented}. */
    STREAMING_PAYLOAD(Fault.INVALID_REQUEST),
    /** The body is not the one that was signed. AWS: {@code XAmzContentSHA256Mismatch}. */
    PAYLOAD_MISMATCH(Fault.UNAUTHENTICATED),
    /** Nobody has this access key id. AWS: {@code InvalidClientTokenId}, in EC2 {@code AuthFailure}. */
    UNKNOWN_KEY(Fault.UNAUTHENTICATED),
    /** The request was changed, or signed with another secret. AWS: {@code SignatureDoesNotMatch}. */
    WRONG_SIGNATURE(Fault.UNAUTHENTICATED);

    private final Fault fault;

    SigV4Fault(Fault fault) {
        this.fault = fault;
    }

    public Fault fault() {
        return fault;
    }
}
