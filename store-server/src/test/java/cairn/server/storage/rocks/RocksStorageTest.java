package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.Items;
import cairn.server.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

class RocksStorageTest {
    private static final Path OPEN_FILES = Path.of("/proc/self/fd");

    @TempDir
    Path temp;

    @Test
    void keepsOthersOutOfAFolderThatWasOpenToThem() throws IOException {
        Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));

        RocksStorage.open(temp).close();

        for (String inside : List.of("rocks", "segments")) {
            String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(temp.resolve(inside)));
            assertEquals("rwx------", mode, inside);
        }
    }

    @Test
    void keepsEverythingAcrossCloseAndOpen() {
        for (long batch = 0; batch < 12; batch += 3) {
            try (Storage storage = open()) {
                Batches.store(storage, batch);
                Batches.store(storage, batch + 1);
                Batches.store(storage, batch + 2);
            }
        }

        try (Storage storage = open()) {
            for (long batch = 0; batch < 12; batch++) {
                Batches.assertWhole(storage, batch);
            }
        }
    }

    @Test
    void neverGivesAnOrdinalTwiceEvenIfNothingWasSealed() {
        long last = 0;
        for (int run = 0; run < 4; run++) {
            try (Storage storage = open()) {
                for (Row row : Batches.append(storage.segments(), run)) {
                    assertTrue(row.ordinal() > last, row.ordinal() + " after " + last);
                    last = row.ordinal();
                }
            }
        }
    }

    @Test
    void removesUnsealedFilesAtOpen() throws IOException {
        open().close();
        Path leftover = data().resolve("segments/segment-99.sst");
        Files.write(leftover, new byte[1000]);

        try (Storage storage = open()) {
            assertFalse(Files.exists(leftover));
            Batches.append(storage.segments(), 1);
            assertEquals(1, files("segments").size());
            storage.segments().abandon();
            assertEquals(Map.of(), files("segments"));
        }
    }

    @Test
    void neverRewritesASegment() throws IOException {
        Map<String, Object> before;
        try (Storage storage = open()) {
            for (long batch = 0; batch < 30; batch++) {
                Batches.store(storage, batch);
            }
            before = segmentFiles();
        }

        try (Storage storage = open()) {
            for (long batch = 30; batch < 60; batch++) {
                Batches.store(storage, batch);
            }
            Map<String, Object> after = segmentFiles();

            assertEquals(10, before.size());
            assertEquals(20, after.size());
            assertTrue(after.entrySet().containsAll(before.entrySet()), before + " -> " + after);
        }
    }

    @Test
    void keepsFilesOpenThatWereReadLastWhereThereAreMoreThanMayBeOpen() throws IOException {
        assumeTrue(Files.exists(OPEN_FILES), "there is no " + OPEN_FILES);
        int segments = 500;
        RocksSettings settings = RocksSettings.DEFAULT.withSmallSegmentBytesMax(0).withOpenFilesMax(320);
        List<Long> ordinals = new ArrayList<>();
        try (Storage storage = RocksStorage.open(data(), settings)) {
            for (long item = 0; item < segments; item++) {
                ordinals.add(storage.segments().append(Items.key(item), Items.packed(item, 100), 0, 100));
                storage.segments().seal();
            }
        }

        int keptOpen = 0;
        try (Storage storage = RocksStorage.open(data(), settings)) {
            for (int item = 0; item < segments; item++) {
                Set<String> before = openFiles();
                storage.segments().read(ordinals.get(item), Items.key(item));
                keptOpen += before.containsAll(openFiles()) ? 0 : 1;
            }
            // RocksDB counts to the limit in many parts, each for itself.
            assertTrue(openFiles().size() < segments, openFiles().size() + " are open");
        }
        // Some were open from the start, and some parts are soon full.
        assertTrue(keptOpen >= 300, keptOpen + " of " + segments);
    }

    /** Of the store. */
    private Set<String> openFiles() throws IOException {
        Set<String> names = new TreeSet<>();
        try (Stream<Path> all = Files.list(OPEN_FILES)) {
            for (Path each : all.toList()) {
                // One may have been closed by now.
                String file = each.toFile().getCanonicalPath();
                if (file.startsWith(data().toRealPath().toString()) && file.endsWith(".sst")) {
                    names.add(file);
                }
            }
        }
        return names;
    }

    @Test
    void refusesASecondServerAndNamesTheFirst() throws IOException {
        try (Storage storage = open()) {
            StoreException e = assertFault(Fault.CONFLICT, this::open);
            assertTrue(e.getMessage().contains(data().toRealPath().toString()), e.getMessage());
            assertTrue(e.getMessage().contains("process " + ProcessHandle.current().pid()), e.getMessage());

            Path alias = Files.createSymbolicLink(temp.resolve("alias"), data());
            assertFault(Fault.CONFLICT, () -> RocksStorage.open(alias));
            Batches.store(storage, 1);
        }

        open().close();
    }

    @Test
    void refusesAnUnknownVersion() throws IOException {
        open().close();
        Files.writeString(data().resolve("VERSION"), "cairn store 3\n");

        StoreException e = assertFault(Fault.INVALID_REQUEST, this::open);

        assertTrue(e.getMessage().contains("cairn store 3"), e.getMessage());
        assertTrue(e.getMessage().contains("cairn store 2"), e.getMessage());
        assertEquals("cairn store 3\n", Files.readString(data().resolve("VERSION")));
    }

    /** As a server of version 1 left it: its own version, and none of the families that came later. */
    @Test
    void makesAStoreOfVersionOneOneOfVersionTwoAndKeepsAllOfIt() throws Exception {
        try (Storage storage = open()) {
            for (long batch = 0; batch < 3; batch++) {
                Batches.store(storage, batch);
            }
        }
        dropFamilies(EnumSet.of(Family.SETTLED, Family.QUICK, Family.HEALED, Family.PAGE_CHILDREN));
        Files.writeString(data().resolve("VERSION"), "cairn store 1\n");

        for (int opening = 0; opening < 2; opening++) {
            try (Storage storage = open()) {
                for (long batch = 0; batch < 3; batch++) {
                    Batches.assertWhole(storage, batch);
                }
                assertEquals("cairn store 2\n", Files.readString(data().resolve("VERSION")));
                Batches.store(storage, 3 + opening);
            }
        }
    }

    private void dropFamilies(Set<Family> dropped) throws RocksDBException {
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        try (Tuning tuning = new Tuning(RocksSettings.DEFAULT);
                RocksDB db = RocksDB.open(
                        tuning.database,
                        data().resolve("rocks").toString(),
                        Stream.of(Family.values())
                                .map(family -> new ColumnFamilyDescriptor(family.storedName(), tuning.of(family)))
                                .toList(),
                        handles)) {
            for (Family family : dropped) {
                db.dropColumnFamily(handles.get(family.ordinal()));
            }
            handles.forEach(ColumnFamilyHandle::close);
        }
    }

    @Test
    void refusesAFolderOfSomethingElseAndLeavesItAlone() throws IOException {
        Files.createDirectories(data());
        Files.writeString(data().resolve("letter.txt"), "dear");

        StoreException e = assertFault(Fault.INVALID_REQUEST, this::open);

        assertTrue(e.getMessage().contains("letter.txt"), e.getMessage());
        assertEquals(1, files(".").size());
        assertFault(Fault.INVALID_REQUEST, () -> RocksStorage.open(data().resolve("letter.txt")));
    }

    @Test
    void takesAFolderThatItsMakingWasCutShortIn() throws IOException {
        Files.createDirectories(data().resolve("lost+found"));
        Files.writeString(data().resolve("VERSION.new"), "cai");

        open().close();

        assertEquals("cairn store 2\n", Files.readString(data().resolve("VERSION")));
    }

    @Test
    void makesTheFolderForItsOwnerAlone() throws IOException {
        Path deep = temp.resolve("not/there/yet");

        RocksStorage.open(deep).close();

        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(deep)));
        assertFalse(Files.exists(deep.resolve("pid")));
    }

    @Test
    void closesUnderneathReadersWithoutHarm() {
        Storage storage = open();
        List<Row> rows = Batches.append(storage.segments(), 1);
        storage.segments().seal();
        CountDownLatch reading = new CountDownLatch(4);

        List<CompletableFuture<Fault>> readers = IntStream.range(0, 4)
                .mapToObj(reader -> CompletableFuture.supplyAsync(() -> readUntilRefused(storage, rows, reading)))
                .toList();
        await(reading);
        storage.close();

        readers.forEach(reader -> assertEquals(Fault.SHUTTING_DOWN, reader.join()));
    }

    private static Fault readUntilRefused(Storage storage, List<Row> rows, CountDownLatch reading) {
        try {
            for (int n = 0; ; n++) {
                Row row = rows.get(n % rows.size());
                long item = Batches.item(1, n % rows.size());
                assertArrayEquals(Items.packed(item, Batches.lengthBytes(item)), storage.segments().read(row.ordinal(), row.key()));
                storage.segments().readRun(row.ordinal(), Long.MAX_VALUE, 100_000);
                reading.countDown();
            }
        } catch (StoreException e) {
            return e.fault();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private Path data() {
        return temp.resolve("data");
    }

    private Storage open() {
        return RocksStorage.open(data());
    }

    /** Segment files that came as files: name -> inode. They are over 1 MB; the rows of small segments are far less. */
    private Map<String, Object> segmentFiles() throws IOException {
        Map<String, Object> files = files("rocks");
        files.keySet().removeIf(name -> !name.endsWith(".sst") || data().resolve("rocks").resolve(name).toFile().length() < 1 << 20);
        return files;
    }

    private Map<String, Object> files(String folder) throws IOException {
        Map<String, Object> inodes = new TreeMap<>();
        try (Stream<Path> files = Files.list(data().resolve(folder))) {
            for (Path file : files.toList()) {
                inodes.put(file.getFileName().toString(), Files.getAttribute(file, "unix:ino"));
            }
        }
        return inodes;
    }

    private static StoreException assertFault(Fault fault, Executable call) {
        StoreException e = assertThrows(StoreException.class, call);
        assertEquals(fault, e.fault(), e.getMessage());
        return e;
    }
}
