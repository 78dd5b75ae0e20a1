package cairn.bench;

import cairn.Digest;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
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

/** How long does the index of a store in a real data folder take to find a chunk, or to know that there is none? */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class IndexBenchmark {
    private static final DomainId DOMAIN = new DomainId(1);
    private static final int BATCH_ROWS = 10_000;

    /** Chunks in the store: 6 GiB of them, unless more are asked for. */
    @Param("100000")
    public int chunks;

    private final SplittableRandom random = new SplittableRandom(1);
    private Path folder;
    private RocksStorage storage;

    @Setup
    public void fill() throws IOException {
        folder = ScratchFolder.make();
        try (RocksStorage filling = RocksStorage.open(folder.resolve("data"))) {
            List<ChunkIndex.Row> rows = new ArrayList<>(BATCH_ROWS);
            for (int n = 0; n < chunks; n++) {
                rows.add(new ChunkIndex.Row(DOMAIN, key(n), n));
                if (rows.size() == BATCH_ROWS || n == chunks - 1) {
                    filling.index().putAll(rows);
                    rows.clear();
                }
            }
        }
        // What was put is in files now, no longer in memory.
        storage = RocksStorage.open(folder.resolve("data"));
    }

    @TearDown
    public void close() throws IOException {
        storage.close();
        ScratchFolder.remove(folder);
    }

    @Benchmark
    public OptionalLong findKnown() {
        return storage.index().find(DOMAIN, key(random.nextInt(chunks)));
    }

    @Benchmark
    public OptionalLong findUnknown() {
        return storage.index().find(DOMAIN, key(chunks + (long) random.nextInt(chunks)));
    }

    /** The same number has the same key; otherwise keys look as digests do. */
    private static ItemKey key(long number) {
        SplittableRandom words = new SplittableRandom(number);
        return new ItemKey(
                ItemKey.CHUNK_KIND,
                new Digest(words.nextLong(), words.nextLong(), words.nextLong(), words.nextLong()));
    }
}
