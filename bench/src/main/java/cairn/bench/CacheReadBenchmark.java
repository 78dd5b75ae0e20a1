package cairn.bench;

import cairn.chunk.Chunk;
import cairn.server.volume.Volume;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does a read of a volume cost when its pages and chunks are cached, from the call to the bytes in hand? The
 * volume comes from a store in a real data folder. {@code -prof gc} shows what a read allocates.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CacheReadBenchmark {
    private static final int SMALL_BYTES = 4 << 10;
    private static final int LARGE_BYTES = 1 << 20;

    /** Whether what is read is noted for the image's boot profile; all of it has been noted once. */
    @Param({"false", "true"})
    public boolean isRecorded;

    private final SplittableRandom random = new SplittableRandom(1);
    private CachedDisk disk;
    private Volume volume;
    private long nextOffset;

    @Setup
    public void open() throws IOException {
        disk = CachedDisk.make();
        volume = disk.open(isRecorded);
    }

    @TearDown
    public void close() throws IOException {
        volume.close();
        disk.close();
    }

    /** Most of what a booting machine asks for is as small. */
    @Benchmark
    public int read4KiB() {
        return read(anyOf(SMALL_BYTES), SMALL_BYTES);
    }

    /** A whole chunk. */
    @Benchmark
    public int read64KiB() {
        return read(anyOf(Chunk.SIZE_BYTES), Chunk.SIZE_BYTES);
    }

    /** As a copying client does, one range after the other. */
    @Benchmark
    public int readSequential1MiB() {
        long offset = nextOffset;
        nextOffset = (offset + LARGE_BYTES) % CachedDisk.SIZE_BYTES;
        return read(offset, LARGE_BYTES);
    }

    /** Some offset that is a multiple of the length. */
    private long anyOf(int lengthBytes) {
        return (long) random.nextInt(CachedDisk.SIZE_BYTES / lengthBytes) * lengthBytes;
    }

    private int read(long offset, int lengthBytes) {
        ByteBuf bytes = volume.read(offset, lengthBytes).join();
        try {
            return bytes.readableBytes() + bytes.getByte(lengthBytes - 1);
        } finally {
            bytes.release();
        }
    }
}
