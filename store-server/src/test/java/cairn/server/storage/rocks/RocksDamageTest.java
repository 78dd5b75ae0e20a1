package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Catalog.Change.PutIfAbsent;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Items;
import cairn.server.storage.SegmentStore.Item;
import cairn.server.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RocksDamageTest {
    private static final long LARGE_BATCH = 1;

    @TempDir
    Path temp;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void readsRightBytesOrCorruptNeverOthers(long seed) throws IOException {
        List<Row> rows = storeOneSegment();
        Random random = new Random(seed);
        Path file = segmentFile();
        for (int flips = 0; flips < 20; flips++) {
            flip(file, (long) (random.nextDouble() * Files.size(file)));
        }

        try (Storage storage = open()) {
            int corrupt = countCorrupt(storage, rows);

            assertTrue(corrupt >= 5, corrupt + " of " + rows.size() + " items are damaged");
        }
    }

    @Test
    void namesTheDamagedItemAndReadsTheOthers() throws IOException {
        List<Row> rows = storeOneSegment();
        flip(segmentFile(), 100);

        try (Storage storage = open()) {
            StoreException e = readFails(storage, rows, 0);

            assertEquals(Fault.CORRUPT, e.fault());
            assertTrue(e.getMessage().contains(rows.get(0).key().toString()), e.getMessage());
            assertTrue(e.getMessage().contains("/0"), e.getMessage());
            assertEquals(1, countCorrupt(storage, rows));
        }
    }

    @Test
    void endsARunBeforeADamagedItemAndFailsThere() throws IOException {
        List<Row> rows = storeOneSegment();
        flip(segmentFile(), Files.size(segmentFile()) / 2);

        try (Storage storage = open()) {
            List<Item> run = storage.segments().readRun(0, Long.MAX_VALUE, Long.MAX_VALUE);

            assertTrue(run.size() > 30 && run.size() < 50, run.size() + " items");
            long damaged = run.get(run.size() - 1).ordinal() + 1;
            StoreException e = assertThrows(
                    StoreException.class, () -> storage.segments().readRun(damaged, Long.MAX_VALUE, 1));
            assertEquals(Fault.CORRUPT, e.fault());
            assertEquals(rows.size() - run.size() - 1, storage.segments()
                    .readRun(damaged + 1, Long.MAX_VALUE, Long.MAX_VALUE)
                    .size());
        }
    }

    @Test
    void stillReadsTheRestOfAStoreWhoseSegmentCannotBeOpenedAtAll() throws IOException {
        List<Row> rows = storeOneSegment();
        Path file = segmentFile();
        try (Storage storage = open()) {
            for (long batch = 2; batch < 6; batch++) {
                Batches.store(storage, batch);
            }
        }
        for (int at = 1; at <= 40; at++) {
            flip(file, Files.size(file) - at);
        }

        try (Storage storage = open()) {
            assertEquals(rows.size(), countCorrupt(storage, rows));
            for (int tries = 0; tries < 3; tries++) {
                commitOrFailAsCorrupt(storage, "try/" + tries);
                for (long batch = 2; batch < 6; batch++) {
                    Batches.assertWhole(storage, batch);
                }
            }
        }
    }

    /** More than are opened with the database: it may be found only when it is asked. */
    @ParameterizedTest
    @ValueSource(ints = {0, 25, 49})
    void readsTheRestWhereOneOfManySegmentsCannotBeOpened(int damaged) throws IOException {
        RocksSettings settings = RocksSettings.DEFAULT.withSmallSegmentBytesMax(0);
        List<Row> rows = new ArrayList<>();
        List<Path> files = new ArrayList<>();
        try (Storage storage = RocksStorage.open(temp.resolve("data"), settings)) {
            for (long item = 0; item < 50; item++) {
                long ordinal = storage.segments().append(Items.key(item), Items.packed(item, 100), 0, 100);
                storage.segments().seal();
                rows.add(new Row(DomainId.PUBLIC, Items.key(item), ordinal));
                files.addAll(segmentFiles().stream().filter(file -> !files.contains(file)).toList());
            }
        }
        assertEquals(rows.size(), files.size());
        for (int at = 1; at <= 40; at++) {
            flip(files.get(damaged), Files.size(files.get(damaged)) - at);
        }

        for (int open = 0; open < 2; open++) {
            try (Storage storage = RocksStorage.open(temp.resolve("data"), settings)) {
                commitOrFailAsCorrupt(storage, "before/" + open);
                for (int n = 0; n < rows.size(); n++) {
                    long ordinal = rows.get(n).ordinal();
                    ItemKey key = rows.get(n).key();
                    if (n == damaged) {
                        StoreException e = assertThrows(
                                StoreException.class, () -> storage.segments().read(ordinal, key));
                        assertEquals(Fault.CORRUPT, e.fault());
                    } else {
                        assertArrayEquals(Items.packed(n, 100), storage.segments().read(ordinal, key));
                    }
                }
                commitOrFailAsCorrupt(storage, "after/" + open);
            }
        }
    }

    /** RocksDB refuses writes from when it has noticed, in the background, that it cannot open the file. */
    private static void commitOrFailAsCorrupt(Storage storage, String key) {
        try {
            storage.catalog().commit(List.of(new PutIfAbsent(key, new byte[1])));
            assertTrue(storage.catalog().find(key).isPresent());
        } catch (StoreException e) {
            assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
        }
    }

    private List<Row> storeOneSegment() {
        try (Storage storage = open()) {
            List<Row> rows = Batches.append(storage.segments(), LARGE_BATCH);
            storage.segments().seal();
            return rows;
        }
    }

    private int countCorrupt(Storage storage, List<Row> rows) {
        int corrupt = 0;
        for (int n = 0; n < rows.size(); n++) {
            StoreException e = readFails(storage, rows, n);
            if (e != null) {
                assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
                corrupt++;
            }
        }
        return corrupt;
    }

    /** Why an item cannot be read; null if it can, and then it is the right one. */
    private static StoreException readFails(Storage storage, List<Row> rows, int n) {
        long item = Batches.item(LARGE_BATCH, n);
        try {
            byte[] packed = storage.segments().read(rows.get(n).ordinal(), rows.get(n).key());
            assertArrayEquals(Items.packed(item, Batches.lengthBytes(item)), packed);
            return null;
        } catch (StoreException e) {
            return e;
        }
    }

    private Storage open() {
        return RocksStorage.open(temp.resolve("data"));
    }

    private Path segmentFile() throws IOException {
        return segmentFiles().stream()
                .max(Comparator.comparing(file -> file.toFile().length()))
                .orElseThrow();
    }

    private List<Path> segmentFiles() throws IOException {
        try (Stream<Path> files = Files.list(temp.resolve("data/rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst")).toList();
        }
    }

    private static void flip(Path file, long at) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, at);
            one.put(0, (byte) (one.get(0) ^ 1 << at % 8));
            channel.write(one.flip(), at);
        }
    }
}
