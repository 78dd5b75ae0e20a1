package cairn.server.scrub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.StoreException;
import cairn.image.AccountId;
import cairn.server.gc.Root;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.StoredFiles;
import cairn.server.storage.TestDisk;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ScrubberTest {
    private static final DomainId OURS = new DomainId(1);
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    private static final int MIB = 1 << 20;

    private final MemoryStorage storage = new MemoryStorage();
    private final RottenSegmentStore segments = new RottenSegmentStore(storage.segments());
    private final TestDisk disk = TestDisk.random(1, 20 * MIB);
    private ChunkStore chunks = new ChunkStore(segments, storage.index());
    private TreeRoot tree;
    private long chunk;
    private Scrubber scrubber;

    @BeforeEach
    void put() {
        tree = disk.put(chunks, OURS);
        while (disk.chunkAt(chunk).isAbsent()) {
            chunk++;
        }
        begin(NOW);
    }

    @AfterEach
    void close() {
        scrubber.close();
        storage.close();
    }

    /** Another server, at some time. */
    private void begin(Instant now) {
        if (scrubber != null) {
            scrubber.close();
        }
        chunks = new ChunkStore(segments, storage.index());
        scrubber = new Scrubber(new Scrubber.Parts(
                segments,
                storage.index(),
                chunks,
                storage.catalog(),
                (trees, pending) -> trees.accept(
                        new Root(Root.Kind.SNAPSHOT, "snap-1", Optional.of(new AccountId("000000000001")), OURS, tree)),
                ImageFacts.NONE,
                StoredFiles.NONE,
                Clock.fixed(now, ZoneOffset.UTC),
                new Throttle(Long.MAX_VALUE, 100),
                Optional.of(Duration.ofDays(30))));
        scrubber.start();
    }

    private long rot() {
        long ordinal = storage.index().find(OURS, ItemKey.of(disk.chunkAt(chunk))).getAsLong();
        segments.rotten.add(ordinal);
        return ordinal;
    }

    private void scrub() {
        Optional<ScrubResult> before = scrubber.status().last();
        scrubber.run();
        await(() -> scrubber.status().begunAt().isEmpty() && !scrubber.status().last().equals(before));
    }

    private static void await(BooleanSupplier isSo) {
        while (!isSo.getAsBoolean()) {
            CompletableFuture.runAsync(() -> {}, CompletableFuture.delayedExecutor(2, TimeUnit.MILLISECONDS)).join();
        }
    }

    @Test
    void hasDamageHealedByWhoeverBringsTheSameBytes() {
        rot();
        // Clocks stand still here: two passes are told apart by what they find.
        scrub();
        assertEquals(1, scrubber.damage().damagedItems());
        assertEquals("snap-1", scrubber.damage().disks().get(0).id());

        disk.put(chunks, OURS);

        assertTrue(scrubber.damage().foundNothing(), "what is healed leaves the list at once");
        assertTrue(segments.rotten.isEmpty());
        scrub();
        assertTrue(scrubber.status().last().orElseThrow().foundNothing());
    }

    @Test
    void knowsAfterARestartWhatIsDamaged() {
        rot();
        scrub();

        begin(NOW);

        assertEquals(1, scrubber.damage().damagedItems());
        disk.put(chunks, OURS);
        assertTrue(scrubber.damage().foundNothing());
    }

    @Test
    void looksAtWhatAReaderCouldNotRead() {
        rot();

        assertThrows(StoreException.class, () -> chunks.read(OURS, ItemKey.of(disk.chunkAt(chunk))));

        await(() -> scrubber.damage().damagedItems() == 1);
        assertEquals(1, scrubber.damage().disks().size());
        assertTrue(scrubber.status().last().isEmpty(), "that was no scrub");
    }

    @Test
    void scrubsByItselfWhenItIsTime() {
        assertEquals(Optional.of(NOW.plus(Duration.ofDays(30))), scrubber.status().nextAt());

        begin(NOW.plus(Duration.ofDays(31)));

        await(() -> scrubber.status().last().isPresent());
        assertEquals(Optional.of(NOW.plus(Duration.ofDays(61))), scrubber.status().nextAt());
    }

    @Test
    void aPauseOutlivesTheServerAndEndsWhenToldSo() {
        scrubber.pause();
        begin(NOW.plus(Duration.ofDays(31)));
        assertTrue(scrubber.status().isPaused());
        assertTrue(scrubber.status().last().isEmpty());

        scrubber.resume();

        await(() -> scrubber.status().last().isPresent());
    }
}
