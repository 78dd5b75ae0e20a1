package cairn.bench;

import cairn.chunk.Chunk;
import cairn.client.NbdReader;
import cairn.server.nbd.Exports;
import cairn.server.nbd.NbdLimits;
import cairn.server.nbd.NbdServer;
import cairn.server.transport.Transport;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How long does a client wait for what the server has cached, from its request to the whole reply, over a unix socket
 * and one at a time? The client's part is in it. {@code -prof gc} counts what both allocate.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class NbdReadBenchmark {
    private static final int SMALL_BYTES = 4 << 10;
    private static final int LARGE_BYTES = 1 << 20;

    private final SplittableRandom random = new SplittableRandom(1);
    private CachedDisk disk;
    private NbdServer server;
    private NbdReader reader;

    /** The disk, for everybody. */
    private record OneDisk(CachedDisk disk) implements Exports {
        @Override
        public CompletableFuture<List<String>> list(Peer peer) {
            return CompletableFuture.completedFuture(List.of());
        }

        @Override
        public CompletableFuture<Export> open(String exportName, Peer peer) {
            return CompletableFuture.completedFuture(new Export(exportName, "", disk.open(false)));
        }
    }

    @Setup
    public void connect() throws IOException {
        disk = CachedDisk.make();
        Path socket = disk.file("nbd.sock");
        // The first use loads all of it, so that opening it later waits for nothing.
        disk.open(false).close();
        server = NbdServer.start(new OneDisk(disk), NbdLimits.DEFAULT, Transport.best(), 1);
        server.listen(socket);
        reader = NbdReader.connect(URI.create("nbd+unix:///disk?socket=" + socket));
    }

    @TearDown
    public void close() throws IOException {
        reader.close();
        server.close();
        disk.close();
    }

    @Benchmark
    public int read4KiB() {
        return read(SMALL_BYTES);
    }

    @Benchmark
    public int read64KiB() {
        return read(Chunk.SIZE_BYTES);
    }

    @Benchmark
    public int read1MiB() {
        return read(LARGE_BYTES);
    }

    /** At some offset that is a multiple of the length. */
    private int read(int lengthBytes) {
        ByteBuffer bytes =
                reader.read((long) random.nextInt(CachedDisk.SIZE_BYTES / lengthBytes) * lengthBytes, lengthBytes);
        return bytes.remaining() + bytes.get(bytes.position());
    }
}
