package cairn.bench;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.image.ImageId;
import cairn.server.ServerConfig;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Lease;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.volume.Volume;
import cairn.server.volume.Volumes;
import cairn.tree.Page;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
 * volume
 * comes from a store in a real data folder. {@code -prof gc} shows what a read allocates.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CacheReadBenchmark {
    private static final DomainId DOMAIN = new DomainId(1);
    /** More than a processor's own caches hold, and well within the server's. */
    private static final int DISK_BYTES = 64 << 20;

    private static final int SMALL_BYTES = 4 << 10;
    private static final int LARGE_BYTES = 1 << 20;

    private static final ImageId IMAGE = new ImageId("ami-00000000000000001");

    /** Whether what is read is noted for the image's boot profile; all of it has been noted once. */
    @Param({"false", "true"})
    public boolean isRecorded;

    private final SplittableRandom random = new SplittableRandom(1);
    private Path folder;
    private RocksStorage storage;
    private Volumes volumes;
    private Volume volume;
    private long nextOffset;

    @Setup
    public void open() throws IOException {
        folder = ScratchFolder.make();
        storage = RocksStorage.open(folder);
        ChunkStore store = new ChunkStore(storage.segments(), storage.index());
        TreeRoot root;
        try (Lease lease = store.lease()) {
            root = put(lease);
        }
        store.seal();
        volumes = new Volumes(
                store, storage.volumeBlocks(), ServerConfig.DEFAULT_CHUNK_CACHE_BYTES, ServerConfig.DEFAULT_PAGE_CACHE_BYTES);
        volume = volumes.open(DOMAIN, root);
        for (int offset = 0; offset < DISK_BYTES; offset += LARGE_BYTES) {
            read(offset, LARGE_BYTES);
        }
    }

    private static TreeRoot put(Lease lease) {
        MixedContent content = new MixedContent(1);
        byte[] plain = new byte[Chunk.SIZE_BYTES];
        byte[] packed = new byte[ChunkCodec.scratchBytes(Chunk.SIZE_BYTES)];
        List<Page> pages = new ArrayList<>();
        TreeBuilder tree = new TreeBuilder(DISK_BYTES, pages::add);
        for (int index = 0; index < DISK_BYTES / Chunk.SIZE_BYTES; index++) {
            content.fill(plain, 0, index);
            ChunkId id = Chunk.idOf(plain, 0);
            tree.putChunk(index, id);
            if (!id.isAbsent()) {
                int packedBytes = ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, packed, 0);
                lease.putChunk(DOMAIN, ItemKey.of(id), packed, 0, packedBytes);
            }
        }
        TreeRoot root = tree.finish();
        for (Page page : pages) {
            int packedBytes = ChunkCodec.pack(Codec.LZ4, page.toBytes(), 0, Page.SIZE_BYTES, packed, 0);
            lease.putPage(DOMAIN, page, packed, 0, packedBytes);
        }
        return root;
    }

    @TearDown
    public void close() throws IOException {
        volume.close();
        volumes.close();
        storage.close();
        ScratchFolder.remove(folder);
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
        nextOffset = (offset + LARGE_BYTES) % DISK_BYTES;
        return read(offset, LARGE_BYTES);
    }

    /** Some offset that is a multiple of the length. */
    private long anyOf(int lengthBytes) {
        return (long) random.nextInt(DISK_BYTES / lengthBytes) * lengthBytes;
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
