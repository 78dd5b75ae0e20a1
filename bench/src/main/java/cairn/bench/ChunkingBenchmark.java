package cairn.bench;

import cairn.Digest;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.tree.Tree;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * How many MiB of a disk can one core name and pack in a second, as a push does with each window of 16 MiB, and what is
 * each step's part in it? One operation is one MiB.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@OperationsPerInvocation(ChunkingBenchmark.WINDOW_MIB)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ChunkingBenchmark {
    static final int WINDOW_MIB = 16;
    private static final int WINDOW_BYTES = WINDOW_MIB << 20;

    private final byte[] window = new byte[WINDOW_BYTES];
    private final byte[] zeros = new byte[WINDOW_BYTES];
    private final byte[] scratch = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
    private final byte[][] packed = new byte[WINDOW_BYTES / Chunk.SIZE_BYTES][];
    private final byte[][] settled = new byte[WINDOW_BYTES / Chunk.SIZE_BYTES][];

    @Setup
    public void fill() {
        if (WINDOW_BYTES != Tree.LEAF_SPAN_BYTES) {
            throw new IllegalStateException("a push's window is " + Tree.LEAF_SPAN_BYTES + " bytes");
        }
        MixedContent content = new MixedContent(1);
        for (int i = 0; i < packed.length; i++) {
            content.fill(window, i * Chunk.SIZE_BYTES, i);
            packed[i] = packed(Codec.LZ4, i * Chunk.SIZE_BYTES);
            settled[i] = packed(Codec.ZSTD, i * Chunk.SIZE_BYTES);
        }
    }

    /** All that a push does to data that is new to the store: zero test, SHA-256, LZ4. */
    @Benchmark
    public void nameAndPack(Blackhole results) {
        for (int at = 0; at < WINDOW_BYTES; at += Chunk.SIZE_BYTES) {
            ChunkId id = Chunk.idOf(window, at);
            results.consume(id);
            if (!id.isAbsent()) {
                results.consume(pack(Codec.LZ4, at));
            }
        }
    }

    /** Of zeros, which have to be looked at to the end. */
    @Benchmark
    public void zeroTest(Blackhole results) {
        for (int at = 0; at < WINDOW_BYTES; at += Chunk.SIZE_BYTES) {
            results.consume(Chunk.idOf(zeros, at));
        }
    }

    @Benchmark
    public void sha256(Blackhole results) {
        for (int at = 0; at < WINDOW_BYTES; at += Chunk.SIZE_BYTES) {
            results.consume(Digest.of(window, at, Chunk.SIZE_BYTES));
        }
    }

    @Benchmark
    public void packLz4(Blackhole results) {
        for (int at = 0; at < WINDOW_BYTES; at += Chunk.SIZE_BYTES) {
            results.consume(pack(Codec.LZ4, at));
        }
    }

    @Benchmark
    public void packZstd(Blackhole results) {
        for (int at = 0; at < WINDOW_BYTES; at += Chunk.SIZE_BYTES) {
            results.consume(pack(Codec.ZSTD, at));
        }
    }

    /** What a server does to each chunk that comes, apart from its hash. */
    @Benchmark
    public void unpackLz4(Blackhole results) {
        unpack(packed, results);
    }

    @Benchmark
    public void unpackZstd(Blackhole results) {
        unpack(settled, results);
    }

    private void unpack(byte[][] chunks, Blackhole results) {
        for (byte[] each : chunks) {
            ChunkCodec.unpack(each, 0, each.length, scratch, 0, Chunk.SIZE_BYTES);
            results.consume(scratch);
        }
    }

    private byte[] packed(Codec codec, int offset) {
        return Arrays.copyOf(scratch, pack(codec, offset));
    }

    private int pack(Codec codec, int offset) {
        return ChunkCodec.pack(codec, window, offset, Chunk.SIZE_BYTES, scratch, 0);
    }
}
