package cairn.server.scrub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change.PutIfAbsent;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksSettings;
import cairn.server.storage.rocks.RocksStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Bits that have flipped in the files of a store, some of whose segments are settled: each is found, or lies where
 * nothing is read, and nobody ever gets other bytes. {@code -Dcairn.flips=1000 -Dcairn.seed=N} for more, or others.
 */
class ScrubTest {
    private static final DomainId OURS = new DomainId(1);
    private static final DomainId THEIRS = new DomainId(2);
    private static final int MIB = 1 << 20;
    private static final int RECORDS = 50;
    private static final int FLIPS = Integer.getInteger("cairn.flips", 40);
    private static final long SEED = Long.getLong("cairn.seed", 5);

    @TempDir
    Path temp;

    private final KeptDisks disks = new KeptDisks();
    private Path pristine;

    /** A bit of a file. */
    private record Flip(Path file, long at, int bit) {}

    @BeforeEach
    void store() {
        pristine = temp.resolve("pristine");
        TestDisk disk = TestDisk.random(1, 6 * MIB);
        try (RocksStorage storage = open(pristine)) {
            ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
            disks.put(chunks, OURS, disk);
            KeptDisks.settle(storage.segments(), ordinal -> true);
            disks.put(chunks, THEIRS, TestDisk.of(disk.bytes(0, 3 * MIB)));
            disks.put(chunks, OURS, TestDisk.random(2, 4 * MIB));
            List<Catalog.Change> records = new ArrayList<>();
            for (int n = 0; n < RECORDS; n++) {
                records.add(new PutIfAbsent("test/" + n, new byte[] {(byte) n}));
            }
            storage.catalog().commit(records);
        }
        // What is in the log is written into files.
        open(pristine).close();
    }

    private static RocksStorage open(Path folder) {
        return RocksStorage.open(folder, RocksSettings.DEFAULT.withReserveBytes(0));
    }

    @Test
    void everyFlippedBitIsFoundOrLiesWhereNothingIsRead() throws IOException {
        assertEquals(Outcome.UNUSED, check(copy("sound", List.of()), null), "nothing is found where nothing is wrong");
        Random random = new Random(SEED);
        Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);
        for (int n = 0; n < FLIPS; n++) {
            Flip flip = n % 2 == 0 ? any(random) : inAnyFile(random);
            Path damaged = copy("flip-" + n, List.of(flip));
            counts.merge(check(damaged, flip), 1, Integer::sum);
            remove(damaged);
        }

        assertEquals(Outcome.UNUSED, check(copy("sound-still", List.of()), null), "only copies were damaged");
        System.out.println("seed " + SEED + ", " + FLIPS + " flipped bits: " + counts);
        assertTrue(counts.getOrDefault(Outcome.FOUND_AS_READERS_DO, 0) > FLIPS / 4, counts.toString());
    }

    private enum Outcome {
        /** By a scrub, and by readers. */
        FOUND_AS_READERS_DO,
        /** By a scrub, and no reader met it. */
        FOUND_BEFORE_READERS,
        /** The store cannot be opened. */
        REFUSED,
        /** By nobody, and all can be read. */
        UNUSED
    }

    private Outcome check(Path folder, Flip flip) {
        try (RocksStorage storage = open(folder)) {
            long failures = disks.readAll(new ChunkStore(storage.segments(), storage.index())).failures();
            if (!scrub(storage).equals(Damage.NONE)) {
                return failures > 0 ? Outcome.FOUND_AS_READERS_DO : Outcome.FOUND_BEFORE_READERS;
            }
            assertEquals(0, failures, flip + " is not found, and readers meet it");
            assertTrue(disks.fsck(storage, bytes -> {}).run(false).result().foundNothing());
            assertRecords(storage);
            return Outcome.UNUSED;
        } catch (StoreException e) {
            assertEquals(Fault.CORRUPT, e.fault(), flip + ": " + e.getMessage());
            return Outcome.REFUSED;
        }
    }

    /** As a server does. */
    private Damage scrub(RocksStorage storage) {
        return new ScrubPass(
                        new ScrubPass.Parts(
                                storage.segments(),
                                storage.index(),
                                disks.roots(),
                                ImageFacts.NONE,
                                storage.files()),
                        ScrubPass.Progress.BEGIN,
                        new Findings(),
                        bytes -> {})
                .run();
    }

    private static void assertRecords(RocksStorage storage) {
        for (int n = 0; n < RECORDS; n++) {
            assertEquals((byte) n, storage.catalog().find("test/" + n).orElseThrow().value()[0]);
        }
    }

    @Test
    void whatWasHitInSegmentsIsHealedByBringingTheDisksAgain() throws IOException {
        Random random = new Random(SEED);
        List<Flip> flips = new ArrayList<>();
        List<Path> largest = files().stream()
                .sorted(Comparator.comparingLong((Path file) -> file.toFile().length()).reversed())
                .limit(2)
                .toList();
        for (Path file : largest) {
            for (int n = 0; n < 3; n++) {
                flips.add(new Flip(file, (long) (random.nextDouble() * Files.size(file) * 0.9), random.nextInt(8)));
            }
        }
        Path damaged = copy("damaged", flips);

        try (RocksStorage storage = open(damaged)) {
            Fsck.Report hit = disks.fsck(storage, bytes -> {}).run(false);
            assertTrue(hit.damage().damagedItems() >= 2, hit.damage().toString());
            assertTrue(hit.damage().damagedDisks() >= 1, hit.damage().toString());
            ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
            chunks.damaged(OrdinalSets.decode(new ScrubRecords(storage.catalog()).damage().orElseThrow().ordinals()));

            disks.putAgain(chunks);
            storage.catalog().commit(List.of());

            assertEquals(0, disks.readAll(chunks).failures());
            assertEquals(Damage.NONE, scrub(storage));
        }
        try (RocksStorage storage = open(damaged)) {
            assertEquals(0, disks.readAll(new ChunkStore(storage.segments(), storage.index())).failures());
        }
    }

    @Test
    void anIndexWhoseFilesAreDamagedIsMadeAnew() throws IOException {
        int made = 0;
        for (Path file : files()) {
            for (long at : new long[] {10, Files.size(file) / 2, Files.size(file) - 10}) {
                Path damaged = copy("index-" + file.getFileName() + "-" + at, List.of(new Flip(file, at, 3)));
                made += makesIndexAnew(damaged) ? 1 : 0;
                remove(damaged);
            }
        }
        assertTrue(made >= 6, made + " times: three places in files of the index, and of pages' children");
    }

    /** @return whether it was the index that was damaged; then it is made anew */
    private boolean makesIndexAnew(Path folder) {
        try (RocksStorage storage = open(folder)) {
            boolean isOfIndex = storage.files().check(bytes -> {}).stream()
                    .anyMatch(file -> file.holds().equals("chunk-index") || file.holds().equals("page-children"));
            if (isOfIndex) {
                Fsck.Report report = disks.fsck(storage, bytes -> {}).run(true);
                assertTrue(report.result().foundNothing(), report.damage().toString());
                assertEquals(0, disks.readAll(new ChunkStore(storage.segments(), storage.index())).failures());
            }
            return isOfIndex;
        } catch (StoreException e) {
            assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
            System.out.println("not opened: " + e.getMessage());
            return false;
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(pristine.resolve("rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst")).sorted().toList();
        }
    }

    /** Any bit of any file, each as likely. */
    private Flip any(Random random) throws IOException {
        List<Path> files = files();
        long bytes = 0;
        for (Path file : files) {
            bytes += Files.size(file);
        }
        long at = (long) (random.nextDouble() * bytes);
        for (Path file : files) {
            if (at < Files.size(file)) {
                return new Flip(file, at, random.nextInt(8));
            }
            at -= Files.size(file);
        }
        throw new AssertionError("behind the last file");
    }

    /** Any bit of a file, however small that is: most of what is in small files is not items. */
    private Flip inAnyFile(Random random) throws IOException {
        List<Path> files = files();
        Path file = files.get(random.nextInt(files.size()));
        return new Flip(file, (long) (random.nextDouble() * Files.size(file)), random.nextInt(8));
    }

    /** Another store with the same content, but for some bits. Files of RocksDB never change, so others are linked. */
    private Path copy(String name, List<Flip> flips) throws IOException {
        Path target = temp.resolve(name);
        try (Stream<Path> all = Files.walk(pristine)) {
            for (Path each : all.toList()) {
                Path to = target.resolve(pristine.relativize(each));
                boolean isHit = flips.stream().anyMatch(flip -> flip.file.equals(each));
                if (Files.isDirectory(each)) {
                    Files.createDirectories(to);
                } else if (each.toString().endsWith(".sst") && !isHit) {
                    Files.createLink(to, each);
                } else {
                    Files.copy(each, to);
                }
            }
        }
        for (Flip flip : flips) {
            flip(target.resolve(pristine.relativize(flip.file)), flip);
        }
        return target;
    }

    private static void flip(Path file, Flip flip) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, flip.at);
            one.put(0, (byte) (one.get(0) ^ 1 << flip.bit));
            channel.write(one.flip(), flip.at);
        }
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(each);
            }
        }
    }
}
