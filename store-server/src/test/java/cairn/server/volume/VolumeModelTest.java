package cairn.server.volume;

import cairn.server.storage.BackedUp;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.Notes;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.Storage;
import cairn.server.storage.VolumeBlocks;
import cairn.server.storage.rocks.RocksStorage;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random use of a volume by several clients, compared with plain bytes; its snapshots too, and what is found again. */
class VolumeModelTest {
    private static final int SEEDS = 25;

    @ParameterizedTest
    @ValueSource(longs = {1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000})
    void hasTheBytesThatWereWrittenInMemory(long firstSeed) {
        for (long seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
            MemoryStorage storage = new MemoryStorage();
            run(new VolumeModel(seed, () -> new Reopened(storage)), 4, 12, seed);
            storage.close();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void hasTheBytesThatWereWrittenInRocksDb(long seed, @TempDir Path folder) {
        run(new VolumeModel(seed, () -> RocksStorage.open(folder)), 8, 25, seed);
    }

    private static void run(VolumeModel model, int rounds, int actions, long seed) {
        try {
            model.run(rounds, actions);
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("seed " + seed, e);
        } finally {
            model.close();
        }
    }

    /** Storage in memory that is still there when it has been closed. */
    private record Reopened(Storage storage) implements Storage {
        @Override
        public SegmentStore segments() {
            return storage.segments();
        }

        @Override
        public ChunkIndex index() {
            return storage.index();
        }

        @Override
        public Catalog catalog() {
            return storage.catalog();
        }

        @Override
        public VolumeBlocks volumeBlocks() {
            return storage.volumeBlocks();
        }

        @Override
        public PendingBlocks pendingBlocks() {
            return storage.pendingBlocks();
        }

        @Override
        public Notes notes() {
            return storage.notes();
        }

        @Override
        public BackedUp backup(Path folder, BackedUp.Progress progress) {
            return storage.backup(folder, progress);
        }

        @Override
        public long usableBytes() {
            return storage.usableBytes();
        }

        @Override
        public void close() {}
    }
}
