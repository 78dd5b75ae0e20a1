package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.StoreException;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rewriting that ends at each of its steps in turn, and what it touches of the disk. */
class RocksRewritingStepsTest {
    private static final RocksSettings SETTINGS = RocksSettings.DEFAULT.withReserveBytes(0);

    @TempDir
    Path temp;

    private final RewritingFixture items = new RewritingFixture();

    /** As if the process were killed: nothing that catches failures catches it. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    /** Ends the work at one of its steps. */
    private static final class End implements Rewriter.Steps {
        private final int at;
        private final boolean isKilled;
        private final List<String> reached = new ArrayList<>();

        End(int at, boolean isKilled) {
            this.at = at;
            this.isKilled = isKilled;
        }

        @Override
        public void reached(String step) {
            reached.add(step);
            if (reached.size() == at) {
                if (isKilled) {
                    throw new Killed();
                }
                throw new StoreException(cairn.Fault.INTERNAL, "the test ends it at " + step);
            }
        }

        String last() {
            return "ended at " + reached;
        }
    }

    private enum Work { SETTLE, COMPACT_WRITTEN, COMPACT_SETTLED, DROP_WRITTEN, DROP_SETTLED }

    @ParameterizedTest
    @CsvSource({
        "SETTLE, true", "SETTLE, false", "COMPACT_WRITTEN, true", "COMPACT_WRITTEN, false", "COMPACT_SETTLED, true",
        "COMPACT_SETTLED, false", "DROP_WRITTEN, true", "DROP_WRITTEN, false", "DROP_SETTLED, true", "DROP_SETTLED, false"
    })
    void losesNothingWhereverItEnds(Work work, boolean isKilled) {
        int steps = 0;
        for (boolean hasEnded = true; hasEnded; ) {
            steps++;
            prepare(work);
            End end = new End(steps, isKilled);
            hasEnded = false;
            try (Storage storage = RocksStorage.open(data(), SETTINGS, end)) {
                try {
                    items.rewriteAll(storage.segments(), work == Work.SETTLE || work == Work.COMPACT_SETTLED);
                } catch (Killed | StoreException e) {
                    hasEnded = true;
                }
                items.assertAllReadable(storage.segments(), end.last());
                if (!isKilled) {
                    items.rewriteAll(storage.segments(), work == Work.SETTLE || work == Work.COMPACT_SETTLED);
                    items.assertAllReadable(storage.segments(), end.last());
                    items.assertNothingElse(storage.segments(), end.last());
                }
            }
            try (Storage storage = RocksStorage.open(data(), SETTINGS)) {
                items.assertAllReadable(storage.segments(), end.last());
                items.store(storage.segments(), 3);
                items.rewriteAll(storage.segments(), work == Work.SETTLE || work == Work.COMPACT_SETTLED);
                items.assertAllReadable(storage.segments(), end.last());
                items.assertNothingElse(storage.segments(), end.last());
            }
        }
        assertTrue(steps >= 2, steps + " steps");
    }

    /** Fresh segments, in files and not yet in one; some of them dead. */
    private void prepare(Work work) {
        try (Storage storage = RocksStorage.open(data(), SETTINGS)) {
            items.live.keySet().stream().toList().forEach(items::die);
            items.rewriteAll(storage.segments(), false);
            items.dead.clear();
            items.store(storage.segments(), 60);
            items.store(storage.segments(), 4);
            items.store(storage.segments(), 60);
            if (work == Work.COMPACT_SETTLED || work == Work.DROP_SETTLED) {
                items.rewriteAll(storage.segments(), true);
            }
            boolean isDropping = work == Work.DROP_WRITTEN || work == Work.DROP_SETTLED;
            List.copyOf(items.live.keySet()).stream()
                    .filter(ordinal -> isDropping || ordinal % 3 == 0)
                    .forEach(items::die);
        }
    }

    /** Only the files of the extent go, and every other stays as it is. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void touchesNoFileButThoseItRewrites(boolean isSettling) throws IOException {
        try (Storage storage = RocksStorage.open(data(), SETTINGS)) {
            SegmentStore segments = storage.segments();
            for (int n = 0; n < 8; n++) {
                items.store(segments, n % 2 == 0 ? 70 : 3);
            }
            List.copyOf(items.live.keySet()).stream().filter(ordinal -> ordinal % 2 == 0).forEach(items::die);
            List<Extent> extents = segments.extents();
            assertEquals(8, extents.size());
            Map<String, Object> before = files();

            segments.rewrite(extents.subList(2, 3), items.how(isSettling));
            segments.rewrite(extents.subList(7, 8), items.how(isSettling));

            Map<String, Object> after = files();
            before.entrySet().removeAll(after.entrySet());
            // The last one was in no file yet.
            assertEquals(1, before.size(), before.toString());
            items.assertAllReadable(segments, "rewritten");
            assertEquals(8, segments.extents().size());
        }
    }

    @Test
    void dropsWholeDeadFilesThoughTheyCannotBeRead() throws IOException {
        try (Storage storage = RocksStorage.open(data(), SETTINGS)) {
            items.store(storage.segments(), 100);
            items.store(storage.segments(), 100);
        }
        Path file = largest();
        byte[] bytes = Files.readAllBytes(file);
        for (int at = 0; at < bytes.length - 30_000; at += 100) {
            bytes[at] ^= 1;
        }
        Files.write(file, bytes);

        try (Storage storage = RocksStorage.open(data(), SETTINGS)) {
            items.live.keySet().stream().toList().forEach(items::die);
            storage.segments().rewrite(storage.segments().extents().subList(0, 1), items.how(true));
            storage.segments().rewrite(storage.segments().extents(), items.how(true));

            assertEquals(List.of(), storage.segments().extents());
            Batches.commit(storage, 7);
        }
    }

    private Path data() {
        return temp.resolve("data");
    }

    private Path largest() throws IOException {
        try (Stream<Path> files = Files.list(data().resolve("rocks"))) {
            return files.filter(file -> file.toString().endsWith(".sst"))
                    .max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow();
        }
    }

    /** The database's files with more than a few rows: name -> inode. */
    private Map<String, Object> files() throws IOException {
        Map<String, Object> inodes = new TreeMap<>();
        try (Stream<Path> files = Files.list(data().resolve("rocks"))) {
            for (Path file : files.filter(each -> each.toString().endsWith(".sst") && each.toFile().length() > 20_000).toList()) {
                inodes.put(file.getFileName().toString(), Files.getAttribute(file, "unix:ino"));
            }
        }
        return inodes;
    }
}
