package cairn.sigv4;

import static cairn.sigv4.SignableRequest.CONTENT_HASH_HEADER;
import static cairn.sigv4.SignableRequest.CONTENT_HASH_PARAMETER;

import cairn.sigv4.SignableRequest.Header;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;

/** Signs requests with one access key for one service in one region. Safe for threads. */
public final class SigV4Signer {
    /** The longest that a presigned request may be valid. */
    public static final Duration VALID_FOR_MAX = Duration.ofDays(7);

    /** Left unsigned, because what carries the request changes them on its way; the AWS SDK leaves out the same. */
    private static final Set<String> NEVER_SIGNED = Set.of("connection", "expect", "user-agent", "x-amzn-trace-id");

    private static final Set<String> ADDED_BY_SIGNING = Set.of("authorization", "x-amz-date", CONTENT_HASH_HEADER);

    private final Credentials credentials;
    private final String region;
    private final String service;
    private final Clock clock;
    private final SigningKeys keys = new SigningKeys();

    public SigV4Signer(Credentials credentials, String region, String service, Clock clock) {
        this.credentials = credentials;
        this.region = region;
        this.service = service;
        this.clock = clock;
    }

    /**
     * Signs a request in its headers. All its headers are signed but those that change on the way, so only those
     * belong in it that will be sent exactly so.
     *
     * @return the headers to send besides those of the request
     * @throws SigV4Exception HOST_NOT_SIGNED without a host, PAYLOAD_HASH_MISSING without a payload hash,
     *     AMBIGUOUS_AUTHENTICATION if the request is already signed
     */
    public List<Header> sign(SignableRequest request) {
        AmzDate date = AmzDate.of(clock.instant());
        CredentialScope scope = scope(date);
        SortedMap<String, List<String>> signed = signable(request);
        signed.put("x-amz-date", List.of(date.text()));
        signed.put(CONTENT_HASH_HEADER, List.of(request.payloadHash()));

        CanonicalRequest canonical = CanonicalRequest.of(
                request, PathForm.of(service), unsignedQuery(request), signed, request.payloadHash());
        String signature = keys.signature(credentials, scope, date, canonical);

        return List.of(
                new Header("X-Amz-Date", date.text()),
                new Header(CONTENT_HASH_HEADER, request.payloadHash()),
                new Header(
                        "Authorization",
                        SigningKeys.ALGORITHM + " Credential=" + scope + ", SignedHeaders=" + canonical.signedNames()
                                + ", Signature=" + signature));
    }

    /**
     * Signs a request in its query, so that whoever is given the URL can send it until it expires. Its headers, usually
     * only {@code host}, must then be sent too. A payload hash other than {@link PayloadHash#EMPTY} goes into the
     * query.
     *
     * @param validFor whole seconds, from one to {@link #VALID_FOR_MAX}
     * @return the whole query to send, without its question mark
     * @throws SigV4Exception as {@link #sign}, and EXPIRES_MALFORMED if {@code validFor} is out of bounds
     */
    public String presign(SignableRequest request, Duration validFor) {
        if (validFor.compareTo(Duration.ofSeconds(1)) < 0 || validFor.compareTo(VALID_FOR_MAX) > 0) {
            throw new SigV4Exception(
                    SigV4Fault.EXPIRES_MALFORMED, "a presigned request is valid for 1 s to 7 days, not " + validFor);
        }
        AmzDate date = AmzDate.of(clock.instant());
        CredentialScope scope = scope(date);
        SortedMap<String, List<String>> signed = signable(request);
        String query = withAuthentication(request, date, scope, String.join(";", signed.keySet()), validFor);

        CanonicalRequest canonical = CanonicalRequest.of(
                request, PathForm.of(service), QueryParameters.parse(query), signed, request.payloadHash());

        return query + "&X-Amz-Signature=" + keys.signature(credentials, scope, date, canonical);
    }

    private CredentialScope scope(AmzDate date) {
        return new CredentialScope(credentials.accessKeyId(), date.day(), region, service);
    }

    private static SortedMap<String, List<String>> signable(SignableRequest request) {
        if (request.payloadHash() == null) {
            throw new SigV4Exception(SigV4Fault.PAYLOAD_HASH_MISSING, "a request is signed with its body's hash");
        }
        SortedMap<String, List<String>> headers = request.headersByName();
        headers.keySet().removeAll(NEVER_SIGNED);
        if (!headers.containsKey("host")) {
            throw new SigV4Exception(SigV4Fault.HOST_NOT_SIGNED, "a request is signed with its host header");
        }
        for (String added : ADDED_BY_SIGNING) {
            if (headers.containsKey(added)) {
                throw new SigV4Exception(
                        SigV4Fault.AMBIGUOUS_AUTHENTICATION, "the request to sign already has a header " + added);
            }
        }
        return headers;
    }

    private static QueryParameters unsignedQuery(SignableRequest request) {
        QueryParameters parameters = QueryParameters.parse(request.query());
        for (String name : Authentication.PARAMETERS) {
            if (parameters.has(name)) {
                throw new SigV4Exception(
                        SigV4Fault.AMBIGUOUS_AUTHENTICATION, "the request to sign already has a parameter " + name);
            }
        }
        return parameters;
    }

    private static String withAuthentication(
            SignableRequest request, AmzDate date, CredentialScope scope, String signedNames, Duration validFor) {
        unsignedQuery(request);
        String added = "X-Amz-Algorithm=" + SigningKeys.ALGORITHM
                + "&X-Amz-Credential=" + Wire.encodeComponent(scope.toString())
                + "&X-Amz-Date=" + date.text()
                + "&X-Amz-Expires=" + validFor.toSeconds()
                + "&X-Amz-SignedHeaders=" + Wire.encodeComponent(signedNames);
        String hash = request.payloadHash().equals(PayloadHash.EMPTY)
                ? ""
                : '&' + CONTENT_HASH_PARAMETER + '=' + request.payloadHash();
        return (request.query().isEmpty() ? "" : request.query() + '&') + added + hash;
    }
}
