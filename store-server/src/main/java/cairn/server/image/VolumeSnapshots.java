package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INTERNAL;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.DerivedImage;
import cairn.image.ImageManifest;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.NewSnapshot;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Sharing;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.DomainId;
import cairn.server.volume.LiveVolume;
import cairn.server.volume.VolumeState;
import cairn.StoreException;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.Deque;
import java.util.function.Function;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes snapshots of volumes, and images of them, in the background, while the volumes are in use.
 *
 * <p>A snapshot of a volume lies in the dedup domain of the volume's owner, whoever takes it, and so does the volume from
 * then on: what it was made from is adopted there first, if it is another account's.
 *
 * <p>A snapshot shows the moment at which it was asked for; but only one of a volume is made at a time, so one that is
 * asked for meanwhile shows the moment at which the earlier ones were done. From when it was asked for it uses the
 * volume, so that this is not removed before. Its record, its image's and its volume's are
 * committed at once: before that nothing has happened, neither to the catalog nor to the volume. What is being made is
 * known in memory only, so a server that ends forgets it. Safe for threads.
 */
public final class VolumeSnapshots implements PendingSnapshots, AutoCloseable {
    /** Most snapshots of one volume that may wait and be made. */
    public static final int OF_VOLUME_MAX = 16;
    /** Most snapshots that may wait and be made in all. */
    public static final int PENDING_MAX = 256;

    private static final Logger log = LoggerFactory.getLogger(VolumeSnapshots.class);
    private static final int MAKERS = 2;
    private static final int FAILED_KEPT_MAX = 1000;
    private static final int CLOSE_SECONDS = 30;
    private static final int PERCENT = 100;

    private final Catalog catalog;
    private final ImageRegistry images;
    private final SnapshotRegistry completed;
    private final VolumeRegistry volumes;
    private final Function<AccountId, DomainId> domains;
    private final ExecutorService makers;
    /** What is made and what waits, of each volume in its order: the first is being made. */
    private final Map<VolumeId, Deque<Job>> queues = new HashMap<>();
    private final Map<SnapshotId, Job> pending = new HashMap<>();
    /** Those that could not be made last. */
    private final Map<SnapshotId, SnapshotInProgress> failed = new LinkedHashMap<>();
    private volatile boolean isClosing;

    /** @param domains the dedup domain of each account */
    public VolumeSnapshots(
            Catalog catalog,
            ImageRegistry images,
            SnapshotRegistry completed,
            VolumeRegistry volumes,
            Function<AccountId, DomainId> domains) {
        this.catalog = catalog;
        this.images = images;
        this.completed = completed;
        this.volumes = volumes;
        this.domains = domains;
        AtomicInteger count = new AtomicInteger();
        this.makers = Executors.newFixedThreadPool(MAKERS, task -> {
            Thread thread = new Thread(task, "snapshot-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /** A snapshot on its way. */
    private static final class Job {
        final SnapshotId id;
        final Caller caller;
        final RegisteredVolume volume;
        final NewSnapshot wanted;
        final Optional<NewImage> image;
        final LongAdder doneBytes = new LongAdder();
        volatile Instant startedAt;
        volatile Map<String, String> tags;
        volatile long changedBytes;
        private final LiveVolume live;
        /** Null until its moment has come. */
        private LiveVolume.PointInTime point;

        /** @param live closed with the job */
        Job(
                SnapshotId id, Caller caller, RegisteredVolume volume, NewSnapshot wanted, Optional<NewImage> image,
                Instant now, LiveVolume live) {
            this.id = id;
            this.caller = caller;
            this.volume = volume;
            this.wanted = wanted;
            this.tags = wanted.tags();
            this.image = image;
            this.startedAt = now;
            this.live = live;
        }

        SnapshotInProgress seen(Optional<String> failure) {
            long done = Math.min(doneBytes.sum(), changedBytes);
            return new SnapshotInProgress(
                    id,
                    caller.account(),
                    volume.region(),
                    Optional.of(volume.id()),
                    volume.snapshot(),
                    volume.sizeBytes(),
                    wanted.description(),
                    tags,
                    settings(volume),
                    startedAt,
                    changedBytes,
                    changedBytes == 0 ? 0 : (int) (PERCENT * done / changedBytes),
                    failure);
        }

        private static SnapshotSettings settings(RegisteredVolume volume) {
            return SnapshotSettings.encrypted(volume.settings().isEncrypted(), volume.settings().keyId());
        }

        void close() {
            try {
                if (point != null) {
                    point.close();
                }
            } finally {
                live.close();
            }
        }
    }

    /**
     * Begins a snapshot of a volume.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if too many are waiting already
     */
    public SnapshotInProgress start(Caller caller, VolumeId volume, NewSnapshot wanted) {
        return start(caller, volumes.read(caller, volume), wanted, Optional.empty());
    }

    /**
     * Begins a snapshot of a volume and an image of that, whose parent is the volume's image.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if the name is taken, or too many are waiting already; INVALID_REQUEST if the
     *     architecture is not given and the volume's image is gone
     */
    public SnapshotInProgress startImage(Caller caller, VolumeId id, DerivedImage wanted) {
        RegisteredVolume volume = volumes.read(caller, id);
        images.requireFree(caller, wanted.name());
        Optional<ImageManifest> parent =
                volume.image().flatMap(each -> images.find(caller, each)).map(RegisteredImage::manifest);
        NewImage image = new NewImage(
                wanted.name(),
                wanted.description(),
                wanted.architecture().orElseGet(() -> architecture(volume, parent)),
                wanted.bootMode().or(() -> parent.flatMap(ImageManifest::bootMode)),
                volume.image(),
                wanted.tags());
        return start(caller, volume, new NewSnapshot(wanted.description(), Map.of()), Optional.of(image));
    }

    private static Architecture architecture(RegisteredVolume volume, Optional<ImageManifest> parent) {
        if (parent.isEmpty() && volume.image().isPresent()) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "image " + volume.image().get() + " of volume " + volume.id()
                            + " is gone, so the architecture has to be given (--arch on the command line)");
        }
        return parent.map(ImageManifest::architecture).orElse(Architecture.X86_64);
    }

    private SnapshotInProgress start(
            Caller caller, RegisteredVolume volume, NewSnapshot wanted, Optional<NewImage> image) {
        Job job = new Job(
                completed.newId(), caller, volume, wanted, image, images.now(), volumes.live(volume.id()));
        boolean isEntered = false;
        try {
            boolean isFirst = enter(job);
            isEntered = true;
            if (isFirst) {
                freeze(job);
            }
        } catch (RuntimeException | Error e) {
            if (isEntered) {
                leave(job, Optional.empty());
            } else {
                close(job);
            }
            throw e;
        }
        return job.seen(Optional.empty());
    }

    /** @return whether it is the volume's first */
    private synchronized boolean enter(Job job) {
        requireOpen();
        Deque<Job> queue = queues.getOrDefault(job.volume.id(), new ArrayDeque<>());
        if (queue.size() >= OF_VOLUME_MAX || pending.size() >= PENDING_MAX) {
            throw new StoreException(
                    CONFLICT,
                    queue.size() + " snapshots of volume " + job.volume.id() + " and " + pending.size()
                            + " in all are being made, no more than " + OF_VOLUME_MAX + " and " + PENDING_MAX
                            + " at a time; try again when one is done");
        }
        job.image.map(NewImage::name).ifPresent(name -> requireNotPending(job.caller, name));
        queue.add(job);
        queues.put(job.volume.id(), queue);
        pending.put(job.id, job);
        return queue.size() == 1;
    }

    private void requireNotPending(Caller caller, ImageName name) {
        for (Job job : pending.values()) {
            boolean isOurs = job.caller.account().equals(caller.account());
            if (isOurs && job.image.filter(each -> each.name().equals(name)).isPresent()) {
                throw new StoreException(
                        CONFLICT, "an image named \"" + name + "\" is being made already, with snapshot " + job.id);
            }
        }
    }

    private void requireOpen() {
        if (isClosing) {
            throw new StoreException(SHUTTING_DOWN, "the server is going down");
        }
    }

    /** Takes the moment of a snapshot whose turn it is; it is made when a maker is free. */
    private void freeze(Job job) {
        requireOpen();
        job.point = job.live.freeze(domains.apply(job.volume.owner()));
        job.startedAt = images.now();
        job.changedBytes = job.point.dirtyBytes();
        synchronized (this) {
            requireOpen();
            makers.execute(() -> run(job));
        }
    }

    private void run(Job job) {
        Optional<String> failure = Optional.empty();
        try {
            requireOpen();
            make(job);
        } catch (RuntimeException | Error e) {
            failure = Optional.of(told(job, e));
        }
        leave(job, failure);
    }

    private void make(Job job) {
        TreeRoot tree = job.point.store(bytes -> {
            requireOpen();
            job.doneBytes.add(bytes);
        });
        commit(job, tree);
        job.point.committed(tree);
    }

    private void commit(Job job, TreeRoot tree) {
        Catalog.Entry entry = volumes.entry(job.volume.id());
        RegisteredVolume volume = VolumeRecords.volume(entry);
        VolumeState state = job.point.after(tree);
        Snapshot snapshot = new Snapshot(
                job.id,
                job.caller.account(),
                volume.region(),
                state.domain(),
                tree,
                volume.snapshot(),
                job.startedAt,
                job.wanted.description(),
                Optional.of(volume.id()),
                Sharing.NONE,
                Job.settings(volume).withCompletedAt(images.now()),
                job.tags);
        // An image that was made of the volume meanwhile is this one's parent.
        Optional<ImageRegistry.Registration> registration =
                job.image.map(image -> images.registration(job.caller, image.withParent(volume.image()), snapshot));
        RegisteredVolume after = volume.over(state, snapshot, registration.map(each -> each.image().id()));

        List<Change> changes = new ArrayList<>();
        changes.add(SnapshotRegistry.keep(snapshot));
        registration.ifPresent(each -> changes.addAll(each.changes()));
        changes.add(new Change.PutIfVersion(entry.key(), entry.version(), VolumeRecords.encode(after)));
        catalog.commit(changes);
    }

    private static String told(Job job, Throwable failure) {
        Throwable cause = Fault.cause(failure);
        if (Fault.of(cause) == INTERNAL) {
            log.error("snapshot {} of volume {} could not be made", job.id, job.volume.id(), cause);
            return "the server failed; its log says why";
        }
        log.warn("snapshot {} of volume {} could not be made: {}", job.id, job.volume.id(), cause.getMessage());
        return cause.getMessage();
    }

    /** Ends a snapshot. Whoever then finds it done may rely on it that the volume's next has its moment. */
    private void leave(Job job, Optional<String> failure) {
        close(job);
        Optional<Job> next = leaveQueue(job);
        try {
            next.ifPresent(this::freeze);
        } catch (RuntimeException | Error e) {
            // Comes back here once for each that waits, of which there are few.
            leave(next.orElseThrow(), Optional.of(told(next.orElseThrow(), e)));
        }
        synchronized (this) {
            pending.remove(job.id);
            failure.ifPresent(why -> fail(job.seen(Optional.of(why))));
            notifyAll();
        }
    }

    private void close(Job job) {
        try {
            job.close();
            volumes.removeIfLeft(job.volume.id());
        } catch (RuntimeException e) {
            log.warn("volume {} after snapshot {}: {}", job.volume.id(), job.id, e.getMessage());
        }
    }

    /** @return whose turn it is now */
    private synchronized Optional<Job> leaveQueue(Job job) {
        Deque<Job> queue = queues.get(job.volume.id());
        queue.remove(job);
        if (queue.isEmpty()) {
            queues.remove(job.volume.id());
        }
        return Optional.ofNullable(queue.peek());
    }

    private void fail(SnapshotInProgress snapshot) {
        if (failed.size() >= FAILED_KEPT_MAX) {
            failed.remove(failed.keySet().iterator().next());
        }
        failed.put(snapshot.id(), snapshot);
    }

    @Override
    public synchronized Optional<SnapshotInProgress> find(Caller caller, SnapshotId id) {
        return Optional.ofNullable(pending.get(id))
                .map(job -> job.seen(Optional.empty()))
                .or(() -> Optional.ofNullable(failed.get(id)))
                .filter(snapshot -> Access.may(caller, Right.SEE, snapshot));
    }

    @Override
    public synchronized List<SnapshotInProgress> list(Caller caller) {
        List<SnapshotInProgress> all = new ArrayList<>(failed.values());
        pending.values().forEach(job -> all.add(job.seen(Optional.empty())));
        all.removeIf(snapshot -> !Access.may(caller, Right.SEE, snapshot));
        return all;
    }

    @Override
    public synchronized boolean tag(Caller caller, SnapshotId id, Map<String, String> tags) {
        Optional<SnapshotInProgress> found = find(caller, id);
        found.ifPresent(each -> ImageRegistry.require(caller, Right.MANAGE, each, id.value()));
        Job job = pending.get(id);
        if (found.isPresent() && job != null) {
            job.tags = Map.copyOf(tags);
        }
        return found.isPresent();
    }

    /** Forgets one that could not be made; what is being made can not be given up. */
    @Override
    public synchronized boolean forget(Caller caller, SnapshotId id) {
        Optional<SnapshotInProgress> found = find(caller, id);
        if (found.isPresent() && found.get().failure().isEmpty()) {
            throw new StoreException(CONFLICT, "snapshot " + id + " is still being made");
        }
        return found.isPresent() && failed.remove(id) != null;
    }

    /** Gives up what is being made, and waits until that has ended. */
    @Override
    public synchronized void close() {
        isClosing = true;
        awaitNonePending(CLOSE_SECONDS);
        makers.shutdown();
    }

    /** @return whether nothing is being made any more */
    synchronized boolean awaitNonePending(int secondsMax) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(secondsMax);
        try {
            while (!pending.isEmpty() && System.nanoTime() < deadline) {
                TimeUnit.NANOSECONDS.timedWait(this, deadline - System.nanoTime());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return pending.isEmpty();
    }
}
