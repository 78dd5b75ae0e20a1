package cairn.sigv4;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.sigv4.SignableRequest.Header;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The signatures that AWS publishes for requests.
 *
 * @see <a href="https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4">The suite</a>
 */
class PublishedSuiteTest {
    private record Signatures(String inHeaders, String inQuery) {}

    private final Map<String, Signatures> published = readPublished();

    /** Lines of: case, signature in the headers, signature in the query. */
    private static Map<String, Signatures> readPublished() {
        try (InputStream in = PublishedSuiteTest.class.getResourceAsStream("published-signatures.txt")) {
            return new String(in.readAllBytes(), US_ASCII)
                    .lines()
                    .map(line -> line.split(" "))
                    .collect(Collectors.toMap(line -> line[0], line -> new Signatures(line[1], line[2])));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void knowsTheSignaturesOfEveryCase() {
        assertEquals(
                SigningCase.published().map(SigningCase::name).collect(Collectors.toSet()), published.keySet());
    }

    @ParameterizedTest
    @MethodSource("cairn.sigv4.SigningCase#published")
    void verifiesTheHeaderForm(SigningCase signing) {
        SignableRequest request = signing.raw();
        if (!signing.body().isEmpty()) {
            request = SigningCase.with(request, List.of(new Header("X-Amz-Content-Sha256", signing.payloadHash())));
        }
        request = SigningCase.with(request, List.of(new Header("X-Amz-Date", "20150830T123600Z")));
        String authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=" + names(request, ";") + ", Signature=" + published.get(signing.name()).inHeaders;

        VerifiedRequest verified = SigningCase.verifier("service")
                .verify(SigningCase.with(request, List.of(new Header("Authorization", authorization))));

        assertEquals(
                new VerifiedRequest(
                        "AKIDEXAMPLE", "us-east-1", "service", SigningCase.SIGNED_AT, false, signing.payloadHash()),
                verified);
    }

    @ParameterizedTest
    @MethodSource("cairn.sigv4.SigningCase#published")
    void verifiesTheQueryForm(SigningCase signing) {
        SignableRequest request = signing.raw();
        String query = request.query() + "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830"
                + "%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders="
                + names(request, "%3B") + "&X-Amz-Expires=3600&X-Amz-Signature="
                + published.get(signing.name()).inQuery;

        VerifiedRequest verified = SigningCase.verifier("service").verify(SigningCase.withQuery(request, query));

        assertEquals(
                new VerifiedRequest(
                        "AKIDEXAMPLE", "us-east-1", "service", SigningCase.SIGNED_AT, true, signing.payloadHash()),
                verified);
    }

    @ParameterizedTest
    @MethodSource("cairn.sigv4.SigningCase#published")
    void presignsWithTheSameSignature(SigningCase signing) {
        SigV4Signer signer =
                new SigV4Signer(SigningCase.KEY, SigningCase.REGION, "service", SigningCase.CLOCK);
        Function<String, String> signature = query -> query.substring(query.indexOf("X-Amz-Signature=") + 16);

        String query = signer.presign(signing.raw(), Duration.ofHours(1));

        if (signing.body().isEmpty()) {
            assertEquals(published.get(signing.name()).inQuery, signature.apply(query));
        } else {
            // The suite leaves the body's hash unsaid; we say it, so that a server need not read the body first.
            VerifiedRequest verified = SigningCase.verifier("service")
                    .verify(SigningCase.withPayloadHash(SigningCase.withQuery(signing.raw(), query), null));
            assertEquals(signing.payloadHash(), verified.payloadHash());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/example/.., /example/..",
        "/example1/example2/../.., /example1/example2/../..",
        "/./, /./",
        "//, //",
        "/./example, /./example",
        "//example//, //example//",
        "'', /"
    })
    void leavesPathsOfObjectsAsTheyAre(String path, String canonical) {
        assertEquals(canonical, PathForm.of("s3").canonical(path));
    }

    /** The worked example of AWS's guide: the canonical request's hash and the signature are printed there. */
    @Test
    void signsTheGuidesExample() {
        SignableRequest request = new SignableRequest(
                "GET",
                "/",
                "Action=ListUsers&Version=2010-05-08",
                List.of(
                        new Header("Host", "iam.amazonaws.com"),
                        new Header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
                        new Header("X-Amz-Date", "20150830T123600Z")),
                PayloadHash.EMPTY);

        CanonicalRequest canonical = CanonicalRequest.of(
                request,
                PathForm.of("iam"),
                QueryParameters.parse(request.query()),
                request.headersByName(),
                PayloadHash.EMPTY);
        String signature = new SigningKeys().signature(
                SigningCase.KEY,
                CredentialScope.parse("AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request"),
                AmzDate.parse("20150830T123600Z"),
                canonical);

        assertEquals("content-type;host;x-amz-date", canonical.signedNames());
        assertEquals(
                "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59", canonical.digest().toString());
        assertEquals("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", signature);
    }

    private static String names(SignableRequest request, String separator) {
        return request.headers().stream()
                .map(header -> header.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.toCollection(TreeSet::new))
                .stream()
                .collect(Collectors.joining(separator));
    }
}
