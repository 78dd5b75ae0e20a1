package cairn.sigv4;

import static cairn.sigv4.SigningCase.CLOCK;
import static cairn.sigv4.SigningCase.KEY;
import static cairn.sigv4.SigningCase.SIGNED_AT;
import static cairn.sigv4.SigningCase.verifier;
import static cairn.sigv4.SigningCase.with;
import static cairn.sigv4.SigningCase.withHeaders;
import static cairn.sigv4.SigningCase.withPayloadHash;
import static cairn.sigv4.SigningCase.withQuery;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.sigv4.SignableRequest.Header;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SigV4VerifierTest {
    private static final SigV4Signer SIGNER = new SigV4Signer(KEY, "eu-north-1", "cairn", CLOCK);
    private static final SignableRequest REQUEST = new SignableRequest(
            "PUT",
            "/uploads/u-1",
            "part=7&note=a%20b",
            List.of(new Header("Host", "localhost:8080"), new Header("X-Amz-Note", "first")),
            PayloadHash.of("body".getBytes(UTF_8)));

    @Test
    void takesWhatWeSign() {
        VerifiedRequest verified = verifier("cairn", "ec2").verify(signed());

        assertEquals(
                new VerifiedRequest(
                        "AKIDEXAMPLE", "eu-north-1", "cairn", SIGNED_AT, false, REQUEST.payloadHash()),
                verified);
    }

    @Test
    void takesWhatWePresign() {
        VerifiedRequest verified = verifier("cairn").verify(presigned());

        assertEquals(
                new VerifiedRequest("AKIDEXAMPLE", "eu-north-1", "cairn", SIGNED_AT, true, REQUEST.payloadHash()),
                verified);
    }

    @Test
    void verifiesBeforeTheBodyHasCome() {
        SignableRequest unread = withPayloadHash(signed(), null);

        VerifiedRequest verified = verifier("cairn").verify(unread);

        assertTrue(unread.declaresPayload());
        verified.requirePayload(PayloadHash.of("body".getBytes(UTF_8)));
        assertWhy(SigV4Fault.PAYLOAD_MISMATCH, () -> verified.requirePayload(PayloadHash.EMPTY));
    }

    @Test
    void takesAnyBodyThatIsNotSigned() {
        SignableRequest request = withPayloadHash(REQUEST, PayloadHash.UNSIGNED);
        SignableRequest presigned = withQuery(request, SIGNER.presign(request, Duration.ofMinutes(1)));

        for (SignableRequest signed : List.of(with(request, SIGNER.sign(request)), presigned)) {
            VerifiedRequest verified = verifier("cairn").verify(withPayloadHash(signed, PayloadHash.EMPTY));

            assertTrue(verified.isPayloadUnsigned());
        }
    }

    @Test
    void needsTheBodysHashWhereTheRequestDoesNotTellIt() {
        SignableRequest get = new SignableRequest(
                "GET", "/", null, List.of(new Header("host", "localhost")), PayloadHash.EMPTY);
        SignableRequest presigned = withQuery(get, SIGNER.presign(get, Duration.ofMinutes(1)));

        assertFalse(presigned.declaresPayload());
        assertEquals(PayloadHash.EMPTY, verifier("cairn").verify(presigned).payloadHash());
        assertRefused(SigV4Fault.PAYLOAD_HASH_MISSING, withPayloadHash(presigned, null));
        assertRefused(SigV4Fault.WRONG_SIGNATURE, withPayloadHash(presigned, REQUEST.payloadHash()));
    }

    @Test
    void refusesByTheHeadAloneWhatNoBodyCanMakeRight() {
        SignableRequest forged = changed(value -> value.replaceFirst("Signature=.*", "Signature=" + PayloadHash.EMPTY));

        verifier("cairn").requireHead(withPayloadHash(forged, null));
        assertWhy(SigV4Fault.WRONG_SERVICE, () -> verifier("ec2").requireHead(signed()));
        assertWhy(SigV4Fault.MISSING_AUTHENTICATION, () -> verifier("cairn").requireHead(REQUEST));
        assertWhy(
                SigV4Fault.UNKNOWN_KEY,
                () -> verifier("cairn").requireHead(changed(value -> value.replace("AKIDEXAMPLE", "AKIDOTHER"))));
        assertWhy(
                SigV4Fault.CLOCK_SKEWED,
                () -> verifier(Clock.offset(CLOCK, Duration.ofMinutes(16)), "cairn").requireHead(signed()));
    }

    @Test
    void refusesAnotherBodyThanTheSignedOne() {
        assertRefused(SigV4Fault.PAYLOAD_MISMATCH, withPayloadHash(signed(), PayloadHash.EMPTY));
        assertRefused(SigV4Fault.PAYLOAD_MISMATCH, withPayloadHash(presigned(), PayloadHash.EMPTY));
    }

    @Test
    void refusesWhatIsNotSigned() {
        assertRefused(SigV4Fault.MISSING_AUTHENTICATION, REQUEST);
    }

    @ParameterizedTest
    @ValueSource(strings = {"AWS4-HMAC-SHA512", "AWS4-ECDSA-P256-SHA256", "AWS", "Basic", "aws4-hmac-sha256", ""})
    void refusesOtherAlgorithms(String algorithm) {
        assertRefused(SigV4Fault.UNKNOWN_ALGORITHM, changed(value -> value.replace("AWS4-HMAC-SHA256", algorithm)));
        assertRefused(
                SigV4Fault.UNKNOWN_ALGORITHM,
                withQuery(REQUEST, presigned().query().replace("AWS4-HMAC-SHA256", algorithm)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "' Credential='        | ' Credentials='",
        "', SignedHeaders='    | ' SignedHeaders='",
        "', Signature='        | ', Signatur='",
        "', Signature='        | ', Region=x, Signature='",
        "', Signature='        | ', Signature=0'",
        "'SignedHeaders=host;' | 'SignedHeaders='",
        "'SignedHeaders='      | 'SignedHeaders=x-zzz;'",
        "'SignedHeaders='      | 'SignedHeaders=;'",
        "'SignedHeaders='      | 'SignedHeaders=host;'",
        "'=host;'              | '=Host;'",
    })
    void refusesAMalformedHeader(String part, String instead) {
        SignableRequest request = changed(value -> value.replace(part, instead));
        // Leaving out host is in form, and has a reason of its own.
        SigV4Fault why = instead.equals("SignedHeaders=")
                ? SigV4Fault.HOST_NOT_SIGNED
                : SigV4Fault.MALFORMED_AUTHENTICATION;

        assertRefused(why, request);
    }

    @Test
    void refusesAnAuthorizationWithoutItsParts() {
        assertRefused(SigV4Fault.MALFORMED_AUTHENTICATION, changed(value -> "AWS4-HMAC-SHA256"));
        assertRefused(SigV4Fault.MALFORMED_AUTHENTICATION, changed(value -> value.replaceFirst(", Signature=.*", "")));
        assertRefused(
                SigV4Fault.MALFORMED_AUTHENTICATION,
                changed(value -> value.replaceFirst("Signature=.*", "Signature=ab")));
        assertRefused(
                SigV4Fault.AMBIGUOUS_AUTHENTICATION,
                changed(value -> value.replaceFirst("Signature=.*", "Credential=x")));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "AKIDEXAMPLE",
        "AKIDEXAMPLE/20150830/eu-north-1/cairn",
        "AKIDEXAMPLE/20150830/eu-north-1/cairn/aws5_request",
        "AKIDEXAMPLE/20150830/eu-north-1/cairn/aws4_request/",
        "AKID/EXAMPLE/20150830/eu-north-1/cairn/aws4_request",
        "/20150830/eu-north-1/cairn/aws4_request",
        "AKIDEXAMPLE/2015083/eu-north-1/cairn/aws4_request",
        "AKIDEXAMPLE/2015-8-3/eu-north-1/cairn/aws4_request",
        "AKIDEXAMPLE/20150830//cairn/aws4_request",
        "AKIDEXAMPLE/20150830/eu north/cairn/aws4_request",
        "AKIDEXAMPLE/20150830/eu-north-1//aws4_request"
    })
    void refusesAMalformedScope(String scope) {
        assertRefused(
                SigV4Fault.MALFORMED_SCOPE,
                changed(value -> value.replaceFirst("Credential=[^,]*", "Credential=" + scope)));
    }

    @Test
    void refusesServicesThatAreNotOffered() {
        SigV4Exception refusal =
                assertThrows(SigV4Exception.class, () -> verifier("ec2", "ebs").verify(signed()));

        assertEquals(SigV4Fault.WRONG_SERVICE, refusal.why());
    }

    @Test
    void refusesUnknownKeysAndWrongSecrets() {
        SigV4Signer stranger =
                new SigV4Signer(new Credentials("AKIDOTHER", KEY.secretAccessKey()), "eu-north-1", "cairn", CLOCK);
        SigV4Signer guesser =
                new SigV4Signer(new Credentials(KEY.accessKeyId(), "guessed"), "eu-north-1", "cairn", CLOCK);

        assertRefused(SigV4Fault.UNKNOWN_KEY, with(REQUEST, stranger.sign(REQUEST)));
        assertRefused(SigV4Fault.WRONG_SIGNATURE, with(REQUEST, guesser.sign(REQUEST)));
        assertRefused(
                SigV4Fault.WRONG_SIGNATURE, withQuery(REQUEST, guesser.presign(REQUEST, Duration.ofMinutes(1))));
    }

    @Test
    void refusesTheDateOfAnotherDay() {
        assertRefused(SigV4Fault.DATE_NOT_OF_SCOPE, changed(value -> value.replace("/20150830/", "/20150831/")));
    }

    @Test
    void refusesToDoWithoutADate() {
        assertRefused(SigV4Fault.DATE_MISSING, dated(null));
        assertRefused(
                SigV4Fault.DATE_MISSING, withQuery(REQUEST, presigned().query().replaceFirst("&X-Amz-Date=[^&]*", "")));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "now", "20150830", "2015-08-30T12:36:00Z", "20150830T123600", "20150830T123600z", "20150830T1236000",
        "20151330T123600Z", "20150830T243600Z", "20150830T123661Z", "+2150830T123600Z", "20150830T+23600Z"
    })
    void refusesAMalformedDate(String date) {
        assertRefused(SigV4Fault.DATE_MALFORMED, dated(date));
    }

    @ParameterizedTest
    @CsvSource({"-901, CLOCK_SKEWED", "-900,", "0,", "900,", "901, CLOCK_SKEWED"})
    void allowsClocksToDifferByAQuarterOfAnHour(long seconds, SigV4Fault why) {
        assertVerdict(why, seconds, signed());
    }

    @ParameterizedTest
    @CsvSource({"-901, NOT_YET_VALID", "-900,", "0,", "3599,", "3600, EXPIRED", "9999999, EXPIRED"})
    void takesPresignedRequestsUntilTheyExpire(long seconds, SigV4Fault why) {
        assertVerdict(why, seconds, presigned());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "604801", "-1", "+5", "1e3", "99999999999999999999"})
    void refusesOtherExpiryThanSecondsUpToSevenDays(String expires) {
        String query = presigned().query().replace("X-Amz-Expires=3600", "X-Amz-Expires=" + expires);

        assertRefused(SigV4Fault.EXPIRES_MALFORMED, withQuery(REQUEST, query));
    }

    @Test
    void presignsForSevenDaysAtMost() {
        assertWhy(SigV4Fault.EXPIRES_MALFORMED, () -> SIGNER.presign(REQUEST, Duration.ofMillis(999)));
        assertWhy(SigV4Fault.EXPIRES_MALFORMED, () -> SIGNER.presign(REQUEST, Duration.ofDays(7).plusSeconds(1)));
        SignableRequest presigned = withQuery(REQUEST, SIGNER.presign(REQUEST, Duration.ofDays(7)));

        assertVerdict(null, Duration.ofDays(7).toSeconds() - 1, presigned);
    }

    @Test
    void refusesWhatIsSignedTwice() {
        SignableRequest both = withHeaders(presigned(), signed().headers());
        SignableRequest twice = with(signed(), List.of(signed().headers().get(4)));
        String again = presigned().query() + "&X-Amz-Expires=3600";

        assertEquals("Authorization", signed().headers().get(4).name());
        assertRefused(SigV4Fault.AMBIGUOUS_AUTHENTICATION, both);
        assertRefused(SigV4Fault.AMBIGUOUS_AUTHENTICATION, twice);
        assertRefused(SigV4Fault.AMBIGUOUS_AUTHENTICATION, withQuery(REQUEST, again));
        assertRefused(
                SigV4Fault.AMBIGUOUS_AUTHENTICATION,
                with(signed(), List.of(new Header("X-AMZ-DATE", "20150830T123600Z"))));
        assertWhy(SigV4Fault.AMBIGUOUS_AUTHENTICATION, () -> SIGNER.sign(signed()));
        assertWhy(SigV4Fault.AMBIGUOUS_AUTHENTICATION, () -> SIGNER.sign(presigned()));
        assertWhy(
                SigV4Fault.AMBIGUOUS_AUTHENTICATION, () -> SIGNER.presign(presigned(), Duration.ofMinutes(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires"
    })
    void refusesAQueryThatIsSignedInPart(String missing) {
        String query = presigned().query().replaceFirst("&?" + missing + "=[^&]*", "");

        SigV4Exception refusal = refusalOf(withQuery(REQUEST, query));

        assertEquals(Fault.INVALID_REQUEST, refusal.fault());
        assertTrue(refusal.getMessage().contains(missing), refusal.getMessage());
    }

    @Test
    void refusesSessionTokens() {
        assertRefused(
                SigV4Fault.SESSION_TOKEN, with(signed(), List.of(new Header("X-Amz-Security-Token", "token"))));
        assertRefused(
                SigV4Fault.SESSION_TOKEN,
                withQuery(presigned(), presigned().query() + "&X-Amz-Security-Token=token"));
    }

    @Test
    void wantsEveryAmzHeaderSigned() {
        List<Header> added = List.of(new Header("x-amz-added-on-the-way", "1"));

        assertRefused(SigV4Fault.HEADER_NOT_SIGNED, with(signed(), added));
        assertRefused(SigV4Fault.HEADER_NOT_SIGNED, with(presigned(), added));
    }

    @Test
    void toleratesOtherHeadersThatWereAddedOnTheWay() {
        List<Header> added = List.of(new Header("Via", "1.1 proxy"), new Header("Cookie", "a=b"));

        assertEquals("cairn", verifier("cairn").verify(with(signed(), added)).service());
    }

    @Test
    void refusesASignedHeaderThatDidNotCome() {
        List<Header> headers = signed().headers();

        assertRefused(
                SigV4Fault.SIGNED_HEADER_ABSENT,
                withHeaders(REQUEST, headers.stream().filter(h -> !h.name().equals("X-Amz-Note")).toList()));
        assertWhy(SigV4Fault.HOST_NOT_SIGNED, () -> SIGNER.sign(withHeaders(REQUEST, List.of())));
    }

    @ParameterizedTest
    @CsvSource({
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING_PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING_PAYLOAD",
        "unsigned-payload, PAYLOAD_HASH_MALFORMED",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855, PAYLOAD_HASH_MALFORMED",
        "'', PAYLOAD_HASH_MALFORMED"
    })
    void refusesOtherPayloadHashes(String hash, SigV4Fault why) {
        List<Header> headers = signed().headers().stream()
                .map(h -> h.name().equals("x-amz-content-sha256") ? new Header(h.name(), hash) : h)
                .toList();

        assertRefused(why, withHeaders(REQUEST, headers));
    }

    @Test
    void boundsSignedHeadersAndParameters() {
        String names = IntStream.range(0, 129).mapToObj(i -> "h" + (1000 + i)).collect(Collectors.joining(";"));
        String query = IntStream.range(0, 1025).mapToObj(i -> "p" + i).collect(Collectors.joining("&"));

        assertRefused(
                SigV4Fault.LIMIT_EXCEEDED,
                changed(value -> value.replaceFirst("SignedHeaders=[^,]*", "SignedHeaders=" + names)));
        assertRefused(SigV4Fault.LIMIT_EXCEEDED, withQuery(signed(), query));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a=%", "a=%4", "a=%4g", "%zz", "a=b&%=1"})
    void refusesBrokenEscapes(String query) {
        assertRefused(SigV4Fault.MALFORMED_REQUEST, withQuery(signed(), query));
    }

    @Test
    void refusesWhatIsNoWireText() {
        assertWhy(SigV4Fault.MALFORMED_REQUEST, () -> new Header("note", "\u1234"));
        assertWhy(SigV4Fault.MALFORMED_REQUEST, () -> withQuery(REQUEST, "a=\u1234"));
        for (String path : List.of("/\u1234", "a", "/a?b")) {
            assertWhy(
                    SigV4Fault.MALFORMED_REQUEST,
                    () -> new SignableRequest("GET", path, "", List.of(), PayloadHash.EMPTY));
        }
        for (String method : List.of("", "GET /", "GET\n/")) {
            assertWhy(
                    SigV4Fault.MALFORMED_REQUEST,
                    () -> new SignableRequest(method, "/", "", List.of(), PayloadHash.EMPTY));
        }
    }

    @Test
    void signsTheBytesOfHeadersBeyondAscii() {
        String wire = new String("na\u00efve \u1234".getBytes(UTF_8), ISO_8859_1);
        SignableRequest request = with(REQUEST, List.of(new Header("X-Amz-Comment", wire)));

        VerifiedRequest verified = verifier("cairn").verify(with(request, SIGNER.sign(request)));

        assertEquals(KEY.accessKeyId(), verified.accessKeyId());
    }

    @ParameterizedTest
    @CsvSource({
        "/uploads//u-1, part=7&note=a%20b",
        "/./uploads/u-1, part=7&note=a+b",
        "/uploads/u-1, note=a%20b&part=7",
        "/uploads/u-1, &part=%37&&note=%61%20b&"
    })
    void takesTheSameRequestInAnotherSpelling(String path, String query) {
        SignableRequest respelled = new SignableRequest("PUT", path, query, signed().headers(), null);

        assertEquals("cairn", verifier("cairn").verify(respelled).service());
    }

    @Test
    void toleratesSpacesAndOrderInTheHeader() {
        SignableRequest request = changed(value -> {
            String[] parts = value.substring("AWS4-HMAC-SHA256 ".length()).split(", ");
            return "AWS4-HMAC-SHA256   " + parts[2] + "," + parts[0] + " ,  " + parts[1] + " ";
        });

        assertEquals("cairn", verifier("cairn").verify(request).service());
    }

    @Test
    void usesAKeysNewSecretAtOnce() {
        List<Credentials> keys = new ArrayList<>(List.of(KEY));
        SigV4Verifier verifier = new SigV4Verifier(id -> keys.stream().findFirst(), CLOCK, Set.of("cairn"));
        verifier.verify(signed());

        keys.set(0, new Credentials(KEY.accessKeyId(), "rotated"));

        assertWhy(SigV4Fault.WRONG_SIGNATURE, () -> verifier.verify(signed()));
    }

    @Test
    void staysRightForMoreRegionsThanItRemembers() {
        SigV4Verifier verifier = verifier("cairn");

        for (int i = 0; i < 3000; i++) {
            SigV4Signer signer = new SigV4Signer(KEY, "region-" + i, "cairn", CLOCK);
            assertEquals("region-" + i, verifier.verify(with(REQUEST, signer.sign(REQUEST))).region());
        }
    }

    @Test
    void tellsTheReasonAsAStoreExceptionToo() {
        StoreException told = refusalOf(REQUEST).toStoreException();

        assertEquals(Fault.UNAUTHENTICATED, told.fault());
        assertEquals(Fault.UNAUTHENTICATED, Fault.of(told));
    }

    @Test
    void keepsSecretsOutOfTexts() {
        assertEquals("Credentials[AKIDEXAMPLE]", KEY.toString());
        assertThrows(StoreException.class, () -> new Credentials("", "secret"));
        assertThrows(StoreException.class, () -> new Credentials("a/b", "secret"));
        StoreException refusal =
                assertThrows(StoreException.class, () -> new Credentials("AKID", "hidden secret"));
        assertFalse(refusal.getMessage().contains("hidden"), refusal.getMessage());
    }

    private static SignableRequest signed() {
        return with(REQUEST, SIGNER.sign(REQUEST));
    }

    private static SignableRequest presigned() {
        return withQuery(REQUEST, SIGNER.presign(REQUEST, Duration.ofHours(1)));
    }

    /** Signed, and then its Authorization header changed. */
    private static SignableRequest changed(UnaryOperator<String> change) {
        return withHeaders(REQUEST, signed().headers().stream()
                .map(h -> h.name().equals("Authorization") ? new Header(h.name(), change.apply(h.value())) : h)
                .toList());
    }

    /** Signed, and then another date given to it; null: none. */
    private static SignableRequest dated(String date) {
        return withHeaders(REQUEST, signed().headers().stream()
                .filter(h -> date != null || !h.name().equals("X-Amz-Date"))
                .map(h -> h.name().equals("X-Amz-Date") ? new Header(h.name(), date) : h)
                .toList());
    }

    private static void assertVerdict(SigV4Fault why, long secondsLater, SignableRequest request) {
        Clock clock = Clock.fixed(SIGNED_AT.plusSeconds(secondsLater), ZoneOffset.UTC);
        if (why == null) {
            assertEquals("cairn", verifier(clock, "cairn").verify(request).service());
        } else {
            assertWhy(why, () -> verifier(clock, "cairn").verify(request));
        }
    }

    private static void assertRefused(SigV4Fault why, SignableRequest request) {
        SigV4Exception refusal = refusalOf(request);
        assertEquals(why, refusal.why(), refusal.getMessage());
    }

    private static SigV4Exception refusalOf(SignableRequest request) {
        return assertThrows(SigV4Exception.class, () -> verifier("cairn").verify(request));
    }

    private static void assertWhy(SigV4Fault why, Executable action) {
        assertEquals(why, assertThrows(SigV4Exception.class, action).why());
    }
}
