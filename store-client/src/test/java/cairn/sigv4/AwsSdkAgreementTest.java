package cairn.sigv4;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.sigv4.SignableRequest.Header;
import java.net.URI;
import java.net.URLEncoder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4FamilyHttpSigner.AuthLocation;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.SignRequest;
import software.amazon.awssdk.identity.spi.AwsCredentialsIdentity;
import software.amazon.awssdk.identity.spi.AwsSessionCredentialsIdentity;

/** Signs the same requests with the AWS SDK and with ours: each must take the other's signature for its own. */
class AwsSdkAgreementTest {
    private static final AwsCredentialsIdentity SDK_KEY = AwsCredentialsIdentity.create(
            SigningCase.KEY.accessKeyId(), SigningCase.KEY.secretAccessKey());
    private static final List<String> SERVICES = List.of("ec2", "ebs", "cairn", "s3");

    static Stream<Arguments> casesAndServices() {
        return SigningCase.all()
                .flatMap(signing -> SERVICES.stream().map(service -> Arguments.of(signing, service)));
    }

    @ParameterizedTest
    @MethodSource("casesAndServices")
    void verifiesWhatTheSdkSigns(SigningCase signing, String service) {
        SdkHttpRequest signed = signBySdk(signing.escaped(), signing.body(), service, properties -> {});

        VerifiedRequest verified = SigningCase.verifier(service).verify(received(signed, signing.payloadHash()));

        assertEquals(
                new VerifiedRequest(
                        "AKIDEXAMPLE", "us-east-1", service, SigningCase.SIGNED_AT, false, signing.payloadHash()),
                verified);
    }

    @ParameterizedTest
    @MethodSource("casesAndServices")
    void signsAsTheSdkDoesToTheByte(SigningCase signing, String service) {
        SignableRequest request = signing.escaped();
        SdkHttpRequest bySdk = signBySdk(request, signing.body(), service, properties -> {});

        List<Header> ours = signer(service).sign(request);

        for (Header header : ours) {
            assertEquals(bySdk.firstMatchingHeader(header.name()).orElse("absent"), header.value(), header.name());
        }
    }

    @ParameterizedTest
    @MethodSource("casesAndServices")
    void leavesBodiesUnsignedAsTheSdkDoes(SigningCase signing, String service) {
        SignableRequest request = SigningCase.withPayloadHash(signing.escaped(), PayloadHash.UNSIGNED);
        SdkHttpRequest bySdk = signBySdk(
                request,
                signing.body(),
                service,
                properties -> properties.putProperty(AwsV4HttpSigner.PAYLOAD_SIGNING_ENABLED, false));

        List<Header> ours = signer(service).sign(request);
        VerifiedRequest verified = SigningCase.verifier(service).verify(received(bySdk, null));

        assertTrue(verified.isPayloadUnsigned());
        assertEquals(bySdk.firstMatchingHeader("Authorization").orElse("absent"), ours.get(2).value());
    }

    @ParameterizedTest
    @MethodSource("casesAndServices")
    void verifiesWhatTheSdkPresigns(SigningCase signing, String service) {
        SdkHttpRequest signed = signBySdk(signing.escaped(), signing.body(), service, properties -> properties
                .putProperty(AwsV4HttpSigner.AUTH_LOCATION, AuthLocation.QUERY_STRING)
                .putProperty(AwsV4HttpSigner.EXPIRATION_DURATION, Duration.ofMinutes(5)));

        VerifiedRequest verified = SigningCase.verifier(service).verify(received(signed, signing.payloadHash()));

        assertTrue(verified.presigned());
        assertEquals(signing.payloadHash(), verified.payloadHash());
    }

    @ParameterizedTest
    @MethodSource("casesAndServices")
    void presignsWithTheSdksSignature(SigningCase signing, String service) {
        SdkHttpRequest bySdk = signBySdk(signing.escaped(), "", service, properties -> properties
                .putProperty(AwsV4HttpSigner.AUTH_LOCATION, AuthLocation.QUERY_STRING)
                .putProperty(AwsV4HttpSigner.EXPIRATION_DURATION, Duration.ofMinutes(5)));
        List<Header> headers = new ArrayList<>();
        bySdk.forEachHeader((name, values) -> values.forEach(value -> headers.add(new Header(name, value))));
        SignableRequest request = SigningCase.withPayloadHash(signing.escaped(), PayloadHash.EMPTY);

        String query = signer(service).presign(SigningCase.withHeaders(request, headers), Duration.ofMinutes(5));

        assertEquals(
                bySdk.firstMatchingRawQueryParameter("X-Amz-Signature").orElse("absent"),
                query.replaceFirst(".*&X-Amz-Signature=", ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"HEADER", "QUERY_STRING"})
    void refusesTheSdksSessionTokens(AuthLocation location) {
        SigningCase signing = SigningCase.published().findFirst().orElseThrow();
        AwsSessionCredentialsIdentity session =
                AwsSessionCredentialsIdentity.create("AKIDEXAMPLE", SigningCase.KEY.secretAccessKey(), "token");
        SdkHttpRequest signed = signBySdk(session, signing.escaped(), "", "ec2", properties -> properties.putProperty(
                AwsV4HttpSigner.AUTH_LOCATION, location));

        SigV4Exception refusal = assertThrows(SigV4Exception.class, () -> SigningCase.verifier("ec2")
                .verify(received(signed, PayloadHash.EMPTY)));

        assertEquals(SigV4Fault.SESSION_TOKEN, refusal.why());
    }

    static Stream<Long> seeds() {
        return IntStream.range(0, 200).mapToObj(i -> 7_000L + i);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void agreesOnAnyPathAndQuery(long seed) {
        Random random = new Random(seed);
        String path = IntStream.range(0, random.nextInt(5))
                .mapToObj(i -> "/" + escapedText(random))
                .collect(Collectors.joining());
        String query = IntStream.range(0, random.nextInt(8))
                .mapToObj(i -> "n" + escapedText(random) + "=" + escapedText(random))
                .collect(Collectors.joining("&"));
        SignableRequest request = new SignableRequest(
                "GET", path, query, List.of(new Header("Host", SigningCase.HOST)), PayloadHash.EMPTY);

        SdkHttpRequest bySdk = signBySdk(request, "", "ebs", properties -> {});
        List<Header> ours = signer("ebs").sign(request);

        assertEquals(bySdk.firstMatchingHeader("Authorization").orElse("absent"), ours.get(2).value());
        assertEquals(
                "ebs",
                SigningCase.verifier("ebs").verify(received(bySdk, null)).service());
    }

    /** Some characters of every kind, escaped; often twice, to see that nobody decodes once too often. */
    private static String escapedText(Random random) {
        String text = random.ints(random.nextInt(6), 0, 9)
                .mapToObj(kind -> switch (kind) {
                    case 0 -> "/";
                    case 1 -> "+";
                    case 2 -> "%";
                    case 3 -> " ";
                    case 4 -> "\u00e9";
                    case 5 -> "\u1234";
                    case 6 -> new String(Character.toChars(0x1f600 + random.nextInt(60)));
                    default -> String.valueOf((char) ('!' + random.nextInt('~' - '!' + 1)));
                })
                .collect(Collectors.joining());
        String once = URLEncoder.encode(text, UTF_8).replace("+", "%20");
        String sent = random.nextInt(4) == 0 ? URLEncoder.encode(once, UTF_8) : once;
        // A segment that is ".." may climb above the root, and there Java's URI keeps what everyone else drops.
        return sent.replace(".", "%2E");
    }

    private static SigV4Signer signer(String service) {
        return new SigV4Signer(SigningCase.KEY, SigningCase.REGION, service, SigningCase.CLOCK);
    }

    private static SdkHttpRequest signBySdk(
            SignableRequest request,
            String body,
            String service,
            Consumer<SignRequest.Builder<AwsCredentialsIdentity>> properties) {
        return signBySdk(SDK_KEY, request, body, service, properties);
    }

    private static SdkHttpRequest signBySdk(
            AwsCredentialsIdentity identity,
            SignableRequest request,
            String body,
            String service,
            Consumer<SignRequest.Builder<AwsCredentialsIdentity>> properties) {
        String query = request.query().isEmpty() ? "" : "?" + request.query();
        SdkHttpRequest.Builder http = SdkHttpRequest.builder()
                .method(SdkHttpMethod.fromValue(request.method()))
                .uri(URI.create("https://" + SigningCase.HOST + request.path() + query));
        for (Header header : request.headers()) {
            http.appendHeader(header.name(), header.value());
        }
        return AwsV4HttpSigner.create()
                .sign((SignRequest.Builder<AwsCredentialsIdentity> signing) -> {
                    signing.identity(identity)
                            .request(http.build())
                            .payload(body.isEmpty() ? null : ContentStreamProvider.fromUtf8String(body))
                            .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, service)
                            .putProperty(AwsV4HttpSigner.REGION_NAME, SigningCase.REGION)
                            .putProperty(AwsV4HttpSigner.DOUBLE_URL_ENCODE, !service.equals("s3"))
                            .putProperty(AwsV4HttpSigner.NORMALIZE_PATH, !service.equals("s3"))
                            .putProperty(HttpSigner.SIGNING_CLOCK, SigningCase.CLOCK);
                    properties.accept(signing);
                })
                .request();
    }

    /** As a server sees it. */
    private static SignableRequest received(SdkHttpRequest sent, String payloadHash) {
        List<Header> headers = new ArrayList<>();
        sent.forEachHeader((name, values) -> values.forEach(value -> headers.add(new Header(name, value))));
        return new SignableRequest(
                sent.method().name(),
                sent.encodedPath(),
                sent.encodedQueryParameters().orElse(""),
                headers,
                payloadHash);
    }
}
