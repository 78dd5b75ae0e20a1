package cairn.sigv4;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.sigv4.SignableRequest.Header;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Changes each byte of signed requests in turn: none may be taken for the one that was signed. */
class TamperedRequestTest {
    private static final SigV4Verifier VERIFIER = SigningCase.verifier("cairn", "s3");

    static Stream<Long> seeds() {
        return IntStream.range(0, 40).mapToObj(i -> 90_000L + i);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noByteOfASignedRequestCanChange(long seed) {
        Random random = new Random(seed);
        SignableRequest request = request(random);
        SignableRequest signed = SigningCase.with(request, signer(random).sign(request));

        assertEquals(SigningCase.KEY.accessKeyId(), VERIFIER.verify(signed).accessKeyId());
        int tried = changeMethodPathAndQuery(random, signed) + changeHeaders(random, signed);

        assertTrue(tried > 400, "changed " + tried + " bytes");
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noByteOfAPresignedRequestCanChange(long seed) {
        Random random = new Random(seed);
        SignableRequest request = request(random);
        SignableRequest signed =
                SigningCase.withQuery(request, signer(random).presign(request, Duration.ofSeconds(77)));

        assertEquals(SigningCase.KEY.accessKeyId(), VERIFIER.verify(signed).accessKeyId());
        int tried = changeMethodPathAndQuery(random, signed) + changeHeaders(random, signed);

        assertTrue(tried > 400, "changed " + tried + " bytes");
    }

    private static SignableRequest request(Random random) {
        List<Header> headers = new ArrayList<>(List.of(
                new Header("host", "h" + word(random)),
                new Header("content-type", word(random) + "/" + word(random)),
                new Header("x-amz-first", word(random) + " " + word(random)),
                new Header("x-amz-first", "second" + word(random))));
        return new SignableRequest(
                random.nextBoolean() ? "GET" : "DELETE",
                "/" + word(random) + "/%7E" + word(random),
                "b=" + word(random) + "&a=" + word(random) + "%2F" + word(random) + "&a=1",
                headers,
                random.nextBoolean() ? PayloadHash.UNSIGNED : PayloadHash.of(word(random).getBytes(US_ASCII)));
    }

    private static String word(Random random) {
        return random.ints(1 + random.nextInt(20), 'a', 'z' + 1)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static SigV4Signer signer(Random random) {
        String service = random.nextBoolean() ? "cairn" : "s3";
        return new SigV4Signer(SigningCase.KEY, SigningCase.REGION, service, SigningCase.CLOCK);
    }

    private static int changeMethodPathAndQuery(Random random, SignableRequest signed) {
        return changeEachByte(random, signed.method(), method -> new SignableRequest(
                        method, signed.path(), signed.query(), signed.headers(), signed.payloadHash()))
                + changeEachByte(random, signed.path(), path -> new SignableRequest(
                        signed.method(), path, signed.query(), signed.headers(), signed.payloadHash()))
                + changeEachByte(random, signed.query(), query -> SigningCase.withQuery(signed, query));
    }

    private static int changeHeaders(Random random, SignableRequest signed) {
        int tried = 0;
        for (int i = 0; i < signed.headers().size(); i++) {
            int at = i;
            Header header = signed.headers().get(i);
            tried += changeEachByte(random, header.value(), value -> withHeader(signed, at, header.name(), value));
            tried += changeEachByte(random, header.name(), name -> withHeader(signed, at, name, header.value()));
        }
        return tried;
    }

    private static SignableRequest withHeader(SignableRequest signed, int at, String name, String value) {
        List<Header> headers = new ArrayList<>(signed.headers());
        headers.set(at, new Header(name, value));
        return SigningCase.withHeaders(signed, headers);
    }

    private static int changeEachByte(Random random, String text, Function<String, SignableRequest> changed) {
        int tried = 0;
        for (int i = 0; i < text.length(); i++) {
            char before = text.charAt(i);
            char after = (char) (before ^ (1 + random.nextInt(255)));
            // These two mean the same on either side of the change: white space, and case in names and escapes.
            boolean isSameSpace = Character.isWhitespace(before) && Character.isWhitespace(after);
            boolean isOtherCase = (before ^ after) == 0x20 && Character.isLetter(before);
            if (!isSameSpace && !isOtherCase) {
                String other = text.substring(0, i) + after + text.substring(i + 1);
                assertThrows(SigV4Exception.class, () -> VERIFIER.verify(changed.apply(other)), other);
                tried++;
            }
        }
        return tried;
    }
}
