package cairn.bench;

import cairn.Digest;
import cairn.chunk.ChunkId;
import cairn.tree.Page;
import java.util.SplittableRandom;
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
import org.openjdk.jmh.annotations.Warmup;

/** What do the pages of a tree cost: to make one of its 256 ids, to read one, to find one id in it? */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PageBenchmark {
    private final SplittableRandom random = new SplittableRandom(1);
    private final Digest[] children = new Digest[Page.CHILDREN];
    private Page page;
    private byte[] bytes;

    @Setup
    public void fill() {
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            children[slot] =
                    new Digest(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
        }
        page = encode();
        bytes = page.toBytes();
    }

    /** Its name included, which is a hash of all of it. */
    @Benchmark
    public Page encode() {
        Page.Builder builder = new Page.Builder(0);
        for (int slot = 0; slot < Page.CHILDREN; slot++) {
            builder.set(slot, children[slot]);
        }
        return builder.build();
    }

    /** Its name included, by which whoever asked for the page proves it. */
    @Benchmark
    public Page decode() {
        return Page.decode(bytes);
    }

    @Benchmark
    public ChunkId findChunk() {
        return page.chunk(random.nextInt(Page.CHILDREN));
    }
}
