package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rewriting and healing where files are damaged. */
class RocksRewritingDamageTest {
    private static final RocksSettings SETTINGS = RocksSettings.DEFAULT.withReserveBytes(0);

    @TempDir
    Path temp;

    private final RewritingFixture items = new RewritingFixture();

    private List<Long> storeAndDamage(boolean isSettled) throws IOException {
        try (Storage storage = open()) {
            items.store(storage.segments(), 100);
            items.store(storage.segments(), 30);
            if (isSettled) {
                items.rewriteAll(storage.segments(), true);
            }
        }
        Path file = largest();
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 3] ^= 4;
        Files.write(file, bytes);
        try (Storage storage = open()) {
            return items.live.keySet().stream()
                    .filter(ordinal -> !items.isReadable(storage.segments(), ordinal))
                    .toList();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void changesNothingWhereWhatLivesIsDamagedAndGoesOn(int kind) throws IOException {
        boolean isSettled = kind < 2;
        List<Long> damaged = storeAndDamage(isSettled);
        assertTrue(!damaged.isEmpty() && damaged.size() < 30, damaged.toString());
        items.die(items.live.firstKey());

        try (Storage storage = open()) {
            SegmentStore segments = storage.segments();
            List<Extent> before = segments.extents();
            StoreException e = assertThrows(
                    StoreException.class, () -> items.rewriteAll(segments, kind % 2 == 0));
            assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
            assertEquals(before, segments.extents());
            Batches.commit(storage, 1);

            damaged.forEach(ordinal -> items.heal(segments, ordinal));
            items.assertAllReadable(segments, "healed");
            items.rewriteAll(segments, kind % 2 == 0);
            items.assertAllReadable(segments, "rewritten");
            Batches.commit(storage, 2);
        }

        try (Storage storage = open()) {
            items.assertAllReadable(storage.segments(), "opened again");
            items.rewriteAll(storage.segments(), true);
            items.assertAllReadable(storage.segments(), "rewritten again");
            items.assertNothingElse(storage.segments(), "rewritten again");
            Batches.commit(storage, 3);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void leavesOutWhatIsDamagedAndDead(int kind) throws IOException {
        List<Long> damaged = storeAndDamage(kind < 2);
        damaged.forEach(items::die);

        try (Storage storage = open()) {
            items.rewriteAll(storage.segments(), kind % 2 == 0);

            items.assertAllReadable(storage.segments(), "rewritten");
            items.assertNothingElse(storage.segments(), "rewritten");
            Batches.commit(storage, 1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void endsARunBeforeWhatIsDamagedAndGoesOnBehindIt(boolean isSettled) throws IOException {
        List<Long> damaged = storeAndDamage(isSettled);

        try (Storage storage = open()) {
            SegmentStore segments = storage.segments();
            long from = 0;
            for (long bad : damaged) {
                List<SegmentStore.Item> run = from == bad ? List.of() : segments.readRun(from, Long.MAX_VALUE, Long.MAX_VALUE);
                if (!run.isEmpty()) {
                    assertTrue(run.get(run.size() - 1).ordinal() < bad);
                    from = run.get(run.size() - 1).ordinal() + 1;
                }
                long at = bad;
                assertThrows(StoreException.class, () -> segments.readRun(at, Long.MAX_VALUE, 1));
                from = bad + 1;
            }
            assertEquals(items.live.tailMap(from).size(), segments.readRun(from, Long.MAX_VALUE, Long.MAX_VALUE).size());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void healsThoughTheFileCannotBeOpenedAtAll(boolean isSettled) throws IOException {
        try (Storage storage = open()) {
            items.store(storage.segments(), 100);
            if (isSettled) {
                items.rewriteAll(storage.segments(), true);
            }
            items.store(storage.segments(), 50);
        }
        Path file = largest();
        byte[] bytes = Files.readAllBytes(file);
        for (int at = 1; at <= 40; at++) {
            bytes[bytes.length - at] ^= 8;
        }
        Files.write(file, bytes);

        try (Storage storage = open()) {
            SegmentStore segments = storage.segments();
            List<Long> lost = items.live.keySet().stream().filter(ordinal -> !items.isReadable(segments, ordinal)).toList();
            assertFalse(lost.isEmpty());
            segments.extents();
            lost.forEach(ordinal -> items.heal(segments, ordinal));
            items.assertAllReadable(segments, "healed");
            Batches.store(storage, 3_000_000);
        }

        try (Storage storage = open()) {
            items.live.keySet().forEach(ordinal -> assertTrue(items.isReadable(storage.segments(), ordinal)));
            Batches.assertWhole(storage, 3_000_000);
        }
    }

    private Storage open() {
        return RocksStorage.open(temp.resolve("data"), SETTINGS);
    }

    private Path largest() throws IOException {
        try (Stream<Path> files = Files.list(temp.resolve("data/rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst"))
                    .max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow();
        }
    }
}
