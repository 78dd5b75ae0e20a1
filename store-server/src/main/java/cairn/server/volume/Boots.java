package cairn.server.volume;

import cairn.chunk.Chunk;
import cairn.image.ImageId;
import cairn.server.storage.DomainId;
import cairn.server.storage.OpenTrees;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The boots under way: has some of them recorded, and all of them read ahead for. Nothing that is asked of it blocks;
 * what takes time is done by threads of its own. Safe for threads.
 */
final class Boots implements AutoCloseable {
    /** How long after a disk was opened its boot is taken to be over. */
    static final long BOOT_MILLIS = TimeUnit.MINUTES.toMillis(5);
    /** Boots of one image that are recorded at once; the others would teach the same. */
    static final int RECORDED_OF_IMAGE_MAX = 4;
    /** Boots that are recorded at once; each takes up to 192 KiB. */
    static final int RECORDED_MAX = 64;
    /** Disks that are read ahead at once. */
    static final int READERS_MAX = 2;
    /** Disks that wait to be read ahead; beyond, boots go without. */
    private static final int READERS_WAITING_MAX = 64;
    /** One reader fills no more than this part of the chunk cache. */
    static final int CACHE_SHARE = 4;
    private static final int OVERDUE_SECONDS = 30;
    private static final int CLOSE_SECONDS = 10;

    private static final Logger log = LoggerFactory.getLogger(Boots.class);

    private final BootProfiles profiles;
    private final Clock clock;
    private final BootReader.Loads loads;
    private final ThreadPoolExecutor readers;
    private final ScheduledThreadPoolExecutor keeper;
    private final LongAdder readersStarted = new LongAdder();
    private final OpenTrees openTrees;

    /** All three under this object's lock. */
    private final Map<Disk, BootReader> reading = new HashMap<>();
    private final Map<ImageId, Integer> recordedOf = new HashMap<>();
    private final Set<BootRecorder> recorded = new HashSet<>();

    /** What is read ahead of: different images may have the same content, and profiles of their own. */
    private record Disk(ImageId image, DomainId domain, TreeRoot root) {
        OpenTrees.Tree tree() {
            return new OpenTrees.Tree(domain, root);
        }
    }

    Boots(
            BootProfiles profiles,
            Clock clock,
            PageCache pages,
            ChunkCache chunks,
            DemandLoads demand,
            long chunkCacheBytes,
            OpenTrees openTrees) {
        this.profiles = profiles;
        this.openTrees = openTrees;
        this.clock = clock;
        this.loads = new BootReader.Loads(
                profiles, pages, chunks, demand, chunkCacheBytes / CACHE_SHARE / Chunk.SIZE_BYTES);
        this.readers = new ThreadPoolExecutor(
                READERS_MAX, READERS_MAX, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(READERS_WAITING_MAX),
                threads("boot-reader"));
        this.keeper = new ScheduledThreadPoolExecutor(1, threads("boot-keeper"));
        keeper.scheduleWithFixedDelay(this::endOverdue, OVERDUE_SECONDS, OVERDUE_SECONDS, TimeUnit.SECONDS);
    }

    private static ThreadFactory threads(String name) {
        return task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        };
    }

    /** Begins a use of an image's disk, or of one that was made from it; whoever has it closes it. */
    Boot begin(BootedImage image, DomainId domain, TreeRoot root) {
        Disk disk = new Disk(image.id(), domain, root);
        BootReader reader = readAhead(disk);
        return new Boot(image.isRecorded() ? record(disk, reader) : null, reader::leave);
    }

    /** Joins whoever reads this disk ahead already. */
    private BootReader readAhead(Disk disk) {
        BootReader reader;
        synchronized (this) {
            reader = reading.get(disk);
            if (reader != null && reader.tryJoin()) {
                return reader;
            }
            reader = new BootReader(disk.image, disk.domain, disk.root, loads);
            reading.put(disk, reader);
            openTrees.begin(disk.tree());
        }
        start(disk, reader);
        return reader;
    }

    private void start(Disk disk, BootReader reader) {
        try {
            readers.execute(() -> {
                try {
                    reader.run();
                } finally {
                    end(disk, reader);
                }
            });
            readersStarted.increment();
        } catch (RejectedExecutionException e) {
            end(disk, reader);
        }
    }

    private synchronized void end(Disk disk, BootReader reader) {
        reading.remove(disk, reader);
        openTrees.end(disk.tree());
    }

    /** @return null where enough are being recorded */
    private synchronized BootRecorder record(Disk disk, BootReader reader) {
        int ofImage = recordedOf.getOrDefault(disk.image, 0);
        if (recorded.size() >= RECORDED_MAX || ofImage >= RECORDED_OF_IMAGE_MAX) {
            return null;
        }
        BootRecorder recorder =
                new BootRecorder(BOOT_MILLIS, clock::millis, ended -> keepSoon(disk, reader, ended));
        recorded.add(recorder);
        openTrees.begin(disk.tree());
        recordedOf.put(disk.image, ofImage + 1);
        return recorder;
    }

    /** What has ended counts until it is kept, so that no more wait for that than may be recorded. */
    private void keepSoon(Disk disk, BootReader reader, BootRecorder recorder) {
        try {
            keeper.execute(() -> {
                try {
                    keep(disk, reader, recorder);
                } finally {
                    forget(disk, recorder);
                }
            });
        } catch (RejectedExecutionException e) {
            // The server has closed without waiting for this.
            forget(disk, recorder);
        }
    }

    private void keep(Disk disk, BootReader reader, BootRecorder recorder) {
        BootOrder touched = recorder.order();
        try {
            TreeReader tree = new TreeReader(disk.root, id -> loads.pages().read(disk.domain, id));
            Optional<String> whyNot = new BootFilter(disk.root, tree).whyNot(touched, recorder.end());
            if (whyNot.isPresent()) {
                log.debug("{} chunks of {} were read, which was no boot: {}", touched.size(), disk.image, whyNot.get());
                return;
            }
            profiles.add(
                    disk.image, BootRecording.of(recorder.startedAt(), touched, reader.named(), reader.ahead()));
        } catch (RuntimeException e) {
            log.warn("a boot of {} was recorded and is not kept: {}", disk.image, e.getMessage());
        }
    }

    private synchronized void forget(Disk disk, BootRecorder recorder) {
        recorded.remove(recorder);
        openTrees.end(disk.tree());
        recordedOf.computeIfPresent(disk.image, (image, count) -> count == 1 ? null : count - 1);
    }

    /** Ends the recordings whose time is over, though nothing is being touched. */
    void endOverdue() {
        List<BootRecorder> all;
        synchronized (this) {
            all = List.copyOf(recorded);
        }
        all.forEach(BootRecorder::endIfOver);
    }

    /** How many readers were begun. */
    long readersStarted() {
        return readersStarted.sum();
    }

    /** Stops reading ahead; keeps what was recorded. Called when all volumes are closed. */
    @Override
    public void close() {
        readers.shutdownNow();
        keeper.shutdown();
        try {
            boolean isOver = readers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)
                    && keeper.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
            if (!isOver) {
                keeper.shutdownNow();
                log.warn("boots that were recorded last are not kept: that takes too long");
            }
        } catch (InterruptedException e) {
            keeper.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
