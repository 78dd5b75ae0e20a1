package cairn.bench;

import cairn.sigv4.Credentials;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SigV4Verifier;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import cairn.sigv4.VerifiedRequest;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What does it cost to sign a request, and to prove who has sent it? Its body is not hashed for that. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SignatureBenchmark {
    private static final Credentials KEY = new Credentials("AKIAEXAMPLE", "not-a-secret");
    private static final String SERVICE = "ebs";
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2025-01-01T00:00:00Z"), ZoneOffset.UTC);

    private final SigV4Signer signer = new SigV4Signer(KEY, "local", SERVICE, CLOCK);
    private final SigV4Verifier verifier = new SigV4Verifier(
            id -> id.equals(KEY.accessKeyId()) ? Optional.of(KEY) : Optional.empty(), CLOCK, Set.of(SERVICE));
    private final SignableRequest plain = new SignableRequest(
            "PUT",
            "/snapshots/snap-00000000000000001/blocks/1234",
            "partNumber=1",
            List.of(
                    new Header("Host", "127.0.0.1:8080"),
                    new Header("Content-Type", "application/octet-stream"),
                    new Header("x-amz-Data-Length", "524288")),
            PayloadHash.UNSIGNED);
    private final SignableRequest signed = withHeaders(signer.sign(plain));

    private SignableRequest withHeaders(List<Header> added) {
        List<Header> all = new ArrayList<>(plain.headers());
        all.addAll(added);
        return new SignableRequest(plain.method(), plain.path(), plain.query(), all, plain.payloadHash());
    }

    @Benchmark
    public List<Header> sign() {
        return signer.sign(plain);
    }

    @Benchmark
    public VerifiedRequest verify() {
        return verifier.verify(signed);
    }
}
