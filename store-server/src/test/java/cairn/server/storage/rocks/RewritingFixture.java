package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Items;
import cairn.server.storage.Items.Real;
import cairn.server.storage.ProvenItem;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.SegmentStore.Rewriting;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/** What a test knows of the items that it stored, and how it has them rewritten. */
final class RewritingFixture {
    final NavigableMap<Long, Long> live = new TreeMap<>();
    final NavigableMap<Long, Long> dead = new TreeMap<>();
    private long next;

    /** Seals a segment of new items. @return their ordinals */
    List<Long> store(SegmentStore segments, int items) {
        NavigableMap<Long, Long> stored = new TreeMap<>();
        for (int n = 0; n < items; n++) {
            Real real = Items.real(next);
            stored.put(segments.append(real.key(), real.packed(), 0, real.packed().length), next++);
        }
        segments.seal();
        live.putAll(stored);
        return List.copyOf(stored.keySet());
    }

    void die(long ordinal) {
        dead.put(ordinal, live.remove(ordinal));
    }

    Real item(long ordinal) {
        return Items.real(live.containsKey(ordinal) ? live.get(ordinal) : dead.get(ordinal));
    }

    Rewriting how(boolean isSettling) {
        return new Rewriting() {
            @Override
            public boolean isLive(long ordinal) {
                return !dead.containsKey(ordinal);
            }

            @Override
            public boolean isQuick(long ordinal) {
                return ordinal % 7 == 0;
            }

            @Override
            public boolean isSettling() {
                return isSettling;
            }

            @Override
            public void used(long bytes) {
                assertTrue(bytes >= 0);
            }
        };
    }

    void rewriteAll(SegmentStore segments, boolean isSettling) {
        List<Extent> run = new ArrayList<>();
        for (Extent extent : segments.extents()) {
            if (!run.isEmpty() && run.get(0).isSettled() != extent.isSettled()) {
                segments.rewrite(run, how(isSettling));
                run.clear();
            }
            run.add(extent);
        }
        segments.rewrite(run, how(isSettling));
    }

    void heal(SegmentStore segments, long ordinal) {
        Real real = item(ordinal);
        segments.heal(ordinal, real.key(), real.packed(), 0, real.packed().length);
    }

    boolean isReadable(SegmentStore segments, long ordinal) {
        Real real = item(ordinal);
        try {
            assertArrayEquals(real.plain(), ProvenItem.unpack(ordinal, real.key(), segments.read(ordinal, real.key())));
            return true;
        } catch (StoreException e) {
            assertEquals(Fault.CORRUPT, e.fault(), e.getMessage());
            return false;
        }
    }

    void assertAllReadable(SegmentStore segments, String when) {
        live.keySet().forEach(ordinal -> assertTrue(isReadable(segments, ordinal), ordinal + ", " + when));
        List<Long> run = new ArrayList<>();
        segments.readRun(0, Long.MAX_VALUE, Long.MAX_VALUE).forEach(item -> {
            run.add(item.ordinal());
            assertEquals(item(item.ordinal()).key(), item.key(), when);
        });
        assertEquals(run.stream().distinct().sorted().toList(), run, when);
        assertTrue(run.containsAll(live.keySet()), when);
    }

    /** Nothing is there but what lives, and that once. */
    void assertNothingElse(SegmentStore segments, String when) {
        assertEquals(List.copyOf(live.keySet()),
                segments.readRun(0, Long.MAX_VALUE, Long.MAX_VALUE).stream().map(item -> item.ordinal()).toList(), when);
        long before = -1;
        long items = 0;
        for (Extent extent : segments.extents()) {
            assertTrue(extent.firstOrdinal() > before, when + ": " + segments.extents());
            before = extent.lastOrdinal();
            items += extent.items();
        }
        assertEquals(live.size(), items, when + ": " + segments.extents());
        dead.forEach((ordinal, item) -> {
            Real real = Items.real(item);
            StoreException e = assertThrows(StoreException.class, () -> segments.read(ordinal, real.key()), when);
            assertEquals(Fault.CORRUPT, e.fault(), when);
        });
    }
}
