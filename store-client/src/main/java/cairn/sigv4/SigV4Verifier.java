package cairn.sigv4;

import static java.nio.charset.StandardCharsets.US_ASCII;

import cairn.Text;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Verifies signed requests, in their headers or presigned in their query. Safe for threads.
 *
 * <p>It keeps no record of what it has seen: within 15 minutes (presigned: until it expires) the same request is good
 * again, as it is at AWS.
 */
public final class SigV4Verifier {
    /** How far the signer's clock may be off ours. */
    public static final Duration SKEW_MAX = Duration.ofMinutes(15);

    private final Function<String, Optional<Credentials>> lookup;
    private final Clock clock;
    private final Set<String> services;
    private final SigningKeys keys = new SigningKeys();
    private final Credentials decoy;

    /**
     * @param lookup finds an access key by its id
     * @param services that are offered here, as signatures name them
     */
    public SigV4Verifier(Function<String, Optional<Credentials>> lookup, Clock clock, Set<String> services) {
        this.lookup = lookup;
        this.clock = clock;
        this.services = Set.copyOf(services);
        byte[] secret = new byte[20];
        new SecureRandom().nextBytes(secret);
        this.decoy = new Credentials("DECOY", Text.hex(secret));
    }

    /**
     * Verifies everything but a body that has not been read. Where the request does not say its body's hash, its
     * {@code payloadHash} is taken for it; where both are known, they must agree.
     *
     * @throws SigV4Exception with the reason, if the request is not proven to come from a known key, for us and now
     */
    public VerifiedRequest verify(SignableRequest request) {
        SortedMap<String, List<String>> headers = request.headersByName();
        QueryParameters query = QueryParameters.parse(request.query());
        Authentication authentication = Authentication.read(headers, query);
        requireService(authentication.scope());
        requireTimely(authentication);
        SortedMap<String, List<String>> signed = signed(authentication, headers);
        String payloadHash = payloadHash(request, headers, query);

        requireSignature(request, authentication, query, signed, payloadHash);

        VerifiedRequest verified = verified(authentication, payloadHash);
        if (request.payloadHash() != null) {
            verified.requirePayload(request.payloadHash());
        }
        return verified;
    }

    /**
     * Refuses what {@link #verify} would refuse whatever the body, and proves nothing: for requests that do not say
     * their body's hash, so that nothing is kept of bodies that nobody known has sent.
     *
     * @throws SigV4Exception with the reason
     */
    public void requireHead(SignableRequest request) {
        SortedMap<String, List<String>> headers = request.headersByName();
        Authentication authentication = Authentication.read(headers, QueryParameters.parse(request.query()));
        requireService(authentication.scope());
        requireTimely(authentication);
        signed(authentication, headers);
        if (lookup.apply(authentication.scope().accessKeyId()).isEmpty()) {
            throw unknownKey(authentication.scope());
        }
    }

    private void requireService(CredentialScope scope) {
        if (!services.contains(scope.service())) {
            throw new SigV4Exception(
                    SigV4Fault.WRONG_SERVICE, "signed for service " + scope.service() + ", which is not offered here");
        }
    }

    private void requireTimely(Authentication authentication) {
        Instant now = clock.instant();
        Instant signedAt = authentication.date().instant();
        boolean isAhead = signedAt.isAfter(now.plus(SKEW_MAX));
        if (authentication.validFor().isEmpty() && (isAhead || signedAt.isBefore(now.minus(SKEW_MAX)))) {
            throw new SigV4Exception(
                    SigV4Fault.CLOCK_SKEWED,
                    "signed at " + signedAt + ", more than " + SKEW_MAX.toMinutes() + " minutes from " + now);
        }
        if (isAhead) {
            throw new SigV4Exception(SigV4Fault.NOT_YET_VALID, "presigned for " + signedAt + ", it is " + now);
        }
        Optional<Instant> expiry = authentication.validFor().map(signedAt::plus);
        if (expiry.isPresent() && !now.isBefore(expiry.get())) {
            throw new SigV4Exception(SigV4Fault.EXPIRED, "expired at " + expiry.get() + ", it is " + now);
        }
    }

    /** The headers that are signed. Those that could change what a request means must be. */
    private static SortedMap<String, List<String>> signed(
            Authentication authentication, SortedMap<String, List<String>> headers) {
        SortedMap<String, List<String>> signed = new TreeMap<>();
        for (String name : authentication.signedNames()) {
            List<String> values = headers.get(name);
            if (values == null) {
                throw new SigV4Exception(
                        SigV4Fault.SIGNED_HEADER_ABSENT, "header " + Text.shown(name) + " is signed and did not come");
            }
            signed.put(name, values);
        }
        if (!signed.containsKey("host")) {
            throw new SigV4Exception(SigV4Fault.HOST_NOT_SIGNED, "host is not among the signed headers");
        }
        for (String name : headers.keySet()) {
            if (name.startsWith("x-amz-") && !signed.containsKey(name)) {
                throw new SigV4Exception(
                        SigV4Fault.HEADER_NOT_SIGNED, "header " + Text.shown(name) + " came and is not signed");
            }
        }
        return signed;
    }

    private static String payloadHash(
            SignableRequest request, SortedMap<String, List<String>> headers, QueryParameters query) {
        Optional<String> declared = Authentication.single(headers, SignableRequest.CONTENT_HASH_HEADER)
                .map(String::strip)
                .or(() -> query.find(SignableRequest.CONTENT_HASH_PARAMETER));
        if (declared.isPresent()) {
            return requireKnownForm(declared.get());
        }
        if (request.payloadHash() == null) {
            throw new SigV4Exception(
                    SigV4Fault.PAYLOAD_HASH_MISSING, "header x-amz-content-sha256 is missing, and needed here");
        }
        return request.payloadHash();
    }

    private static String requireKnownForm(String declared) {
        if (declared.startsWith(PayloadHash.STREAMING_PREFIX)) {
            throw new SigV4Exception(
                    SigV4Fault.STREAMING_PAYLOAD,
                    "bodies signed in chunks are not offered (" + Text.shown(declared) + "); sign the whole body, or "
                            + PayloadHash.UNSIGNED);
        }
        if (!declared.equals(PayloadHash.UNSIGNED) && !PayloadHash.isHash(declared)) {
            throw new SigV4Exception(
                    SigV4Fault.PAYLOAD_HASH_MALFORMED,
                    "x-amz-content-sha256 is 64 lower-case hexadecimal digits or " + PayloadHash.UNSIGNED + ", not \""
                            + Text.shown(declared) + '"');
        }
        return declared;
    }

    private void requireSignature(
            SignableRequest request,
            Authentication authentication,
            QueryParameters query,
            SortedMap<String, List<String>> signed,
            String payloadHash) {
        CredentialScope scope = authentication.scope();
        CanonicalRequest canonical = CanonicalRequest.of(
                request,
                PathForm.of(scope.service()),
                query.without(Authentication.SIGNATURE_PARAMETER),
                signed,
                payloadHash);
        Optional<Credentials> known = lookup.apply(scope.accessKeyId());
        // An unknown key costs the same work as a wrong signature, so that a door may answer both alike.
        String expected = keys.signature(known.orElse(decoy), scope, authentication.date(), canonical);
        boolean isSame = MessageDigest.isEqual(
                expected.getBytes(US_ASCII), authentication.signature().getBytes(US_ASCII));
        if (known.isEmpty()) {
            throw unknownKey(scope);
        }
        if (!isSame) {
            throw new SigV4Exception(
                    SigV4Fault.WRONG_SIGNATURE,
                    "the signature is not the one that access key " + scope.accessKeyId()
                            + " makes of this request; check the secret, and what a proxy may have changed");
        }
    }

    private static SigV4Exception unknownKey(CredentialScope scope) {
        return new SigV4Exception(
                SigV4Fault.UNKNOWN_KEY, "access key " + scope.accessKeyId() + " is not known here");
    }

    private static VerifiedRequest verified(Authentication authentication, String payloadHash) {
        CredentialScope scope = authentication.scope();
        return new VerifiedRequest(
                scope.accessKeyId(),
                scope.region(),
                scope.service(),
                authentication.date().instant(),
                authentication.validFor().isPresent(),
                payloadHash);
    }
}
