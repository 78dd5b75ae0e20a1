package cairn.server.rbin;

import cairn.StoreException;
import cairn.server.http.HttpReply;
import cairn.sigv4.SigV4Exception;
import java.util.Map;
import java.util.Optional;

/** A request that is refused, as this API tells it: an error's name, a message for people and a reason for machines. */
final class RbinFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final String TYPE_HEADER = "x-amzn-ErrorType";

    private final String type;
    private final int status;
    private final String reason;

    /** @param reason null where the error has none */
    private RbinFailure(String type, int status, String reason, String message) {
        super(message, null, false, false);
        this.type = type;
        this.status = status;
        this.reason = reason;
    }

    static RbinFailure invalid(String message) {
        return new RbinFailure("ValidationException", 400, "INVALID_PARAMETER_VALUE", message);
    }

    static RbinFailure invalidPageToken() {
        return new RbinFailure("ValidationException", 400, "INVALID_PAGE_TOKEN", "NextToken is invalid");
    }

    static RbinFailure unknownOperation(String message) {
        return new RbinFailure("UnknownOperationException", 404, null, message);
    }

    static RbinFailure internal(String message) {
        return new RbinFailure("InternalServerException", 500, null, message);
    }

    /** What a refusal by the store itself means here. Empty for a failure of the server's. */
    static Optional<RbinFailure> of(StoreException refused) {
        String message = refused.getMessage();
        return Optional.ofNullable(switch (refused.fault()) {
            case INVALID_REQUEST, TOO_LARGE -> invalid(message);
            case NOT_FOUND -> new RbinFailure("ResourceNotFoundException", 404, "RULE_NOT_FOUND", message);
            case CONFLICT -> new RbinFailure("ConflictException", 409, "INVALID_RULE_STATE", message);
            case FORBIDDEN, UNAUTHENTICATED -> new RbinFailure("AccessDeniedException", 403, null, message);
            case UNAVAILABLE -> new RbinFailure("ThrottlingException", 400, null, message);
            case NO_SPACE, CORRUPT, SHUTTING_DOWN, INTERNAL -> null;
        });
    }

    /** More rules, or tags, than there may be. */
    static RbinFailure tooMany(String message) {
        return new RbinFailure("ServiceQuotaExceededException", 402, "SERVICE_QUOTA_EXCEEDED", message);
    }

    /** A request that was not proven to come from a known key, now and for this door. */
    static RbinFailure of(SigV4Exception refused) {
        return switch (refused.why()) {
            case MISSING_AUTHENTICATION -> unproven("MissingAuthenticationTokenException", 403, refused);
            case UNKNOWN_KEY, SESSION_TOKEN -> unproven("UnrecognizedClientException", 403, refused);
            case CLOCK_SKEWED, NOT_YET_VALID, EXPIRED, WRONG_SIGNATURE, WRONG_SERVICE, WRONG_REGION,
                    DATE_NOT_OF_SCOPE, HEADER_NOT_SIGNED, SIGNED_HEADER_ABSENT, PAYLOAD_MISMATCH ->
                    unproven("InvalidSignatureException", 403, refused);
            default -> unproven("IncompleteSignatureException", 400, refused);
        };
    }

    private static RbinFailure unproven(String type, int status, SigV4Exception refused) {
        return new RbinFailure(type, status, null, refused.getMessage());
    }

    HttpReply reply() {
        byte[] body = RbinJson.encode(new RbinMessages.Failure(getMessage(), reason));
        return new HttpReply(status, RbinJson.TYPE, body, Map.of(TYPE_HEADER, type));
    }
}
