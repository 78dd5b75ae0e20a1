package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INTERNAL;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.DerivedImage;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.ImageManifest.BlockDevice;
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
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes snapshots of volumes, and images of them, in the background, while the volumes are in use.
 *
 * <p>A snapshot of a volume lies in the dedup domain of the volume's owner, whoever takes it, and so does the volume
 * from then on: what it was made from is adopted there first, if it is another account's.
 *
 * <p>A snapshot shows the moment at which it was asked for; but only one of a volume is made at a time, so one that is
 * asked for meanwhile shows the moment at which the earlier ones were done. Several volumes' snapshots that are asked
 * for together show one moment, which comes when it is the turn of all of them: they wait, each in its volume's queue,
 * and those behind them too. From when it was asked for a snapshot uses the volume, so that this is not removed before.
 *
 * <p>What is asked for is written down ({@link PendingRecords}) before anybody is told of it. The records of a
 * snapshot, its image and its volume are committed at once, and end that one: before that nothing has happened to the
 * volume. What a server that ended has left is told as failed. Safe for threads.
 */
public final class VolumeSnapshots implements PendingSnapshots, PendingImages, AutoCloseable {
    /** Most snapshots of one volume that may wait and be made. */
    public static final int OF_VOLUME_MAX = 16;
    /** Most snapshots that may wait and be made in all. */
    public static final int PENDING_MAX = 256;

    private static final Logger log = LoggerFactory.getLogger(VolumeSnapshots.class);
    private static final int MAKERS = 2;
    private static final int CLOSE_SECONDS = 30;
    private static final int LEAVE_SECONDS = 10;
    private static final int PERCENT = 100;
    private static final String ENDED = "the server ended before it was made";

    private final Catalog catalog;
    private final ImageRegistry images;
    private final SnapshotRegistry completed;
    private final VolumeRegistry volumes;
    private final Function<AccountId, DomainId> domains;
    private final PendingRecords records;
    private final ExecutorService makers;
    /** What is made and what waits, of each volume in its order: the first is being made, or waits for its others. */
    private final Map<VolumeId, Deque<Job>> queues = new HashMap<>();
    private final Map<SnapshotId, Job> pending = new HashMap<>();
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
        this.records = new PendingRecords(catalog);
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
        final LongAdder doneBytes = new LongAdder();
        volatile Instant startedAt;
        volatile Map<String, String> tags;
        volatile long changedBytes;
        private final LiveVolume live;
        /** Set before anybody else sees this. */
        private Work work;
        /** Null until its moment has come. */
        private LiveVolume.PointInTime point;
        /** Null until it has been made. */
        private TreeRoot tree;

        /** @param live closed with the job */
        Job(SnapshotId id, Caller caller, RegisteredVolume volume, NewSnapshot wanted, Instant now, LiveVolume live) {
            this.id = id;
            this.caller = caller;
            this.volume = volume;
            this.wanted = wanted;
            this.tags = wanted.tags();
            this.startedAt = now;
            this.live = live;
        }

        SnapshotInProgress seen() {
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
                    Optional.empty());
        }

        static SnapshotSettings settings(RegisteredVolume volume) {
            return SnapshotSettings.of(volume.settings().encryption());
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
     * The image that snapshots are made for.
     *
     * @param reserved empty: its id follows from its manifest, and its name is taken when it is made
     * @param others devices whose snapshots are there
     */
    private record Making(NewImage wanted, Optional<ImageInProgress> reserved, Map<String, SnapshotId> others) {}

    /** Snapshots that have one moment, and what they are for. */
    private static final class Work {
        final Caller caller;
        final List<Job> jobs;
        /** Empty: each snapshot is for itself. */
        final Optional<Making> image;
        // Guarded by the VolumeSnapshots.
        private boolean isRecorded;
        private boolean isBegun;

        Work(Caller caller, List<Job> jobs, Optional<Making> image) {
            this.caller = caller;
            this.jobs = List.copyOf(jobs);
            this.image = image;
            jobs.forEach(job -> job.work = this);
        }

        Optional<ImageInProgress> reserved() {
            return image.flatMap(Making::reserved);
        }
    }

    /**
     * Says of all that an earlier server has left that it has failed, and frees the names of images. Called when the
     * server starts, before anything begins here.
     */
    public void failLeftovers() {
        for (SnapshotInProgress each : records.snapshots()) {
            Changes.commit(catalog, () -> records.failing(each.id(), ENDED));
        }
        for (ImageInProgress each : records.images()) {
            Changes.commit(catalog, () -> records.failing(each.id(), ENDED));
        }
    }

    /** Begins a snapshot of a volume. @throws StoreException NOT_FOUND; CONFLICT if too many are waiting already */
    public SnapshotInProgress start(Caller caller, VolumeId volume, NewSnapshot wanted) {
        return start(caller, List.of(new WantedSnapshot(volume, wanted))).get(0);
    }

    /**
     * Begins snapshots of several volumes, which show one moment: all of them or none. Each is then made, or fails, by
     * itself. Where one of the volumes has a snapshot in progress, all wait until that is done.
     *
     * @return in the order in which they were named
     * @throws StoreException NOT_FOUND, for any of them; CONFLICT if too many are waiting already; INVALID_REQUEST for
     *     a volume that is named twice
     */
    public List<SnapshotInProgress> start(Caller caller, List<WantedSnapshot> wanted) {
        return start(caller, wanted, jobs -> Optional.empty()).jobs.stream().map(Job::seen).toList();
    }

    /**
     * Begins a snapshot of a volume and an image of that, whose parent is the volume's image, and whose id follows from
     * its manifest.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if the name is taken, or too many are waiting already; INVALID_REQUEST
     *     if the architecture is not given and the volume's image is gone
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
        WantedSnapshot snapshot = new WantedSnapshot(id, new NewSnapshot(wanted.description(), Map.of()));
        Making making = new Making(image, Optional.empty(), Map.of());
        return start(caller, List.of(snapshot), jobs -> Optional.of(making)).jobs.get(0).seen();
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

    /**
     * Begins snapshots of volumes, all of one moment, and an image of them that has its id at once, and its name.
     * Either all are made or none. Where one of the volumes has a snapshot in progress, this waits until that is done.
     *
     * @return the image, pending, with the ids that its snapshots will have
     * @throws StoreException NOT_FOUND, for any volume or snapshot; FORBIDDEN for a snapshot of another's; CONFLICT if
     *     the name is taken, or too many are waiting already; INVALID_REQUEST for devices that no image has, and for a
     *     volume that is named twice
     */
    public ImageInProgress startImage(Caller caller, ImagePlan plan) {
        images.requireFree(caller, plan.wanted().name());
        try {
            return start(
                            caller,
                            plan.disks().stream().map(ImagePlan.Disk::content).toList(),
                            jobs -> Optional.of(new Making(
                                    plan.wanted(), Optional.of(reserve(caller, plan, jobs)), plan.others())))
                    .reserved()
                    .orElseThrow();
        } catch (StoreException e) {
            if (e.fault() == CONFLICT) {
                // Somebody may have taken the name just now, which is then the thing to be told.
                images.requireFree(caller, plan.wanted().name());
            }
            throw e;
        }
    }

    private ImageInProgress reserve(Caller caller, ImagePlan plan, List<Job> jobs) {
        List<ImageInProgress.Disk> disks = new ArrayList<>();
        Map<String, DeviceSettings> said = new HashMap<>(plan.settings().devices());
        for (int i = 0; i < jobs.size(); i++) {
            Job job = jobs.get(i);
            String device = plan.disks().get(i).device();
            disks.add(new ImageInProgress.Disk(device, job.id, job.volume.sizeBytes()));
            said.put(device, encrypted(said.get(device), Job.settings(job.volume)));
        }
        plan.others().forEach((device, id) -> {
            Snapshot snapshot = completed.read(caller, Right.MANAGE, id);
            disks.add(new ImageInProgress.Disk(device, id, snapshot.root().sizeBytes()));
            said.put(device, encrypted(said.get(device), snapshot.settings()));
        });
        NewImage wanted = plan.wanted();
        ImageInProgress image = new ImageInProgress(
                plan.id(),
                caller.account(),
                caller.region(),
                wanted.name(),
                wanted.description(),
                wanted.architecture(),
                wanted.bootMode(),
                plan.rootDevice(),
                disks,
                wanted.parent(),
                images.now(),
                plan.settings().withDevices(said),
                wanted.tags(),
                Optional.empty());
        // Refuses now what no manifest may say.
        ImageRegistry.manifest(image);
        return image;
    }

    /** @param said null: nothing */
    private static DeviceSettings encrypted(DeviceSettings said, SnapshotSettings snapshot) {
        return Optional.ofNullable(said)
                .orElse(DeviceSettings.NEW)
                .with(snapshot.encryption());
    }

    /** @param image made of the jobs before anything of them is known to others */
    private Work start(Caller caller, List<WantedSnapshot> wanted, Function<List<Job>, Optional<Making>> image) {
        requireDistinct(wanted);
        List<Job> jobs = new ArrayList<>();
        Work work = null;
        try {
            for (WantedSnapshot each : wanted) {
                RegisteredVolume volume = volumes.read(caller, Right.MANAGE, each.volume());
                LiveVolume live = volumes.live(volume.id());
                jobs.add(new Job(completed.newId(), caller, volume, each.snapshot(), images.now(), live));
            }
            Work begun = new Work(caller, jobs, image.apply(jobs));
            enter(begun);
            work = begun;
            catalog.commit(beginning(work));
            if (isTurnOnceRecorded(work)) {
                freeze(work);
            }
            return work;
        } catch (RuntimeException | Error e) {
            if (work != null) {
                withdraw(work);
            } else {
                jobs.forEach(this::close);
            }
            throw e;
        }
    }

    private static void requireDistinct(List<WantedSnapshot> wanted) {
        Set<VolumeId> volumes = new HashSet<>();
        if (wanted.isEmpty()) {
            throw new StoreException(INVALID_REQUEST, "no volume is named");
        }
        for (WantedSnapshot each : wanted) {
            if (!volumes.add(each.volume())) {
                throw new StoreException(INVALID_REQUEST, "volume " + each.volume() + " is named twice");
            }
        }
    }

    private synchronized void enter(Work work) {
        requireOpen();
        for (Job job : work.jobs) {
            int ofVolume = queues.getOrDefault(job.volume.id(), new ArrayDeque<>()).size();
            if (ofVolume >= OF_VOLUME_MAX || pending.size() + work.jobs.size() > PENDING_MAX) {
                throw new StoreException(
                        CONFLICT,
                        ofVolume + " snapshots of volume " + job.volume.id() + " and " + pending.size()
                                + " in all are being made, no more than " + OF_VOLUME_MAX + " and " + PENDING_MAX
                                + " at a time; try again when one is done");
            }
        }
        work.image.ifPresent(making -> requireNotPending(work.caller, making.wanted().name()));
        for (Job job : work.jobs) {
            queues.computeIfAbsent(job.volume.id(), each -> new ArrayDeque<>()).add(job);
            pending.put(job.id, job);
        }
    }

    private void requireNotPending(Caller caller, ImageName name) {
        for (Job job : pending.values()) {
            boolean isOurs = job.caller.account().equals(caller.account())
                    && job.caller.chosenRegion().equals(caller.chosenRegion());
            if (isOurs && job.work.image.filter(each -> each.wanted().name().equals(name)).isPresent()) {
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

    private static List<Change> beginning(Work work) {
        List<Change> changes = new ArrayList<>();
        work.jobs.forEach(job -> changes.add(PendingRecords.begin(job.seen())));
        work.reserved().ifPresent(image -> {
            changes.add(PendingRecords.begin(image));
            changes.add(ImageRegistry.reserving(image));
        });
        return changes;
    }

    private synchronized boolean isTurnOnceRecorded(Work work) {
        work.isRecorded = true;
        return isTurn(work);
    }

    /** Whether all of a work's snapshots are the first of their volumes now, for whoever asks first. */
    private synchronized boolean isTurn(Work work) {
        boolean isTurn = work.isRecorded
                && !work.isBegun
                && work.jobs.stream().allMatch(job -> queues.get(job.volume.id()).peek() == job);
        work.isBegun |= isTurn;
        return isTurn;
    }

    /** Takes the moment of snapshots whose turn it is; they are made when a maker is free. */
    private void freeze(Work work) {
        requireOpen();
        List<LiveVolume.PointInTime> points = volumes.freeze(work.jobs.stream()
                .map(job -> new LiveVolume.Freezing(job.live, domains.apply(job.volume.owner())))
                .toList());
        Instant now = images.now();
        for (int i = 0; i < points.size(); i++) {
            Job job = work.jobs.get(i);
            job.point = points.get(i);
            job.startedAt = now;
            job.changedBytes = job.point.dirtyBytes();
        }
        synchronized (this) {
            requireOpen();
            makers.execute(() -> run(work));
        }
    }

    /** Ends what could not begin as if it had not been asked for. */
    private void withdraw(Work work) {
        try {
            Changes.commit(catalog, () -> {
                List<Change> changes = new ArrayList<>();
                work.jobs.forEach(job -> records.findRemoval(job.id).ifPresent(changes::add));
                work.reserved().ifPresent(image -> changes.addAll(records.withdrawing(image.id())));
                return changes;
            });
        } catch (StoreException e) {
            log.warn("snapshots that could not be begun are told as failed: {}", e.getMessage());
        }
        leave(work.jobs);
    }

    private void run(Work work) {
        if (work.image.isPresent()) {
            run(work, work.jobs);
        } else {
            work.jobs.forEach(job -> run(work, List.of(job)));
        }
    }

    /** @param together made all or none */
    private void run(Work work, List<Job> together) {
        try {
            requireOpen();
            make(work, together);
        } catch (RuntimeException | Error e) {
            fail(work, together, told(together, e));
        }
        leave(together);
    }

    private void make(Work work, List<Job> together) {
        for (Job job : together) {
            job.tree = job.point.store(bytes -> {
                requireOpen();
                job.doneBytes.add(bytes);
            });
        }
        Changes.commitPatiently(catalog, () -> completing(work, together));
        together.forEach(job -> job.point.committed(job.tree));
    }

    /** A snapshot that is to be committed, and its volume's record that is to be changed with it. */
    private record Made(
            Catalog.Entry entry, RegisteredVolume volume, VolumeState state, Snapshot snapshot, Change end) {
        Change volumeChange(Optional<ImageId> newImage) {
            return new Change.PutIfVersion(
                    entry.key(), entry.version(), VolumeRecords.encode(volume.over(state, snapshot, newImage)));
        }
    }

    private List<Change> completing(Work work, List<Job> together) {
        List<Made> made = together.stream().map(this::made).toList();
        List<Change> changes = new ArrayList<>();
        Optional<ImageId> newImage = work.image.flatMap(making -> completing(work.caller, making, made, changes));
        for (Made each : made) {
            changes.add(SnapshotRegistry.keep(each.snapshot));
            changes.add(each.volumeChange(newImage));
            changes.add(each.end);
        }
        return changes;
    }

    private Made made(Job job) {
        Catalog.Entry entry = volumes.entry(job.volume.id());
        RegisteredVolume volume = VolumeRecords.volume(entry);
        VolumeState state = job.point.after(job.tree);
        // Tags that were set meanwhile stand in the record; those that are set from now on change it, and this fails.
        PendingRecords.Ending<SnapshotInProgress> ending = records.end(job.id);
        Snapshot snapshot = new Snapshot(
                job.id,
                job.caller.account(),
                volume.region(),
                state.domain(),
                job.tree,
                volume.snapshot(),
                job.startedAt,
                job.wanted.description(),
                Optional.of(volume.id()),
                Sharing.NONE,
                Job.settings(volume).withCompletedAt(images.now()),
                ending.record().tags());
        return new Made(entry, volume, state, snapshot, ending.removal());
    }

    /** @return the image that the volume goes on from */
    private Optional<ImageId> completing(Caller caller, Making making, List<Made> made, List<Change> changes) {
        if (making.reserved().isEmpty()) {
            images.requireFree(caller, making.wanted().name());
            // An image that was made of the volume meanwhile is this one's parent.
            NewImage wanted = making.wanted().withParent(made.get(0).volume.image());
            ImageRegistry.Registration registration = images.registration(caller, wanted, made.get(0).snapshot);
            changes.addAll(registration.changes());
            return Optional.of(registration.image().id());
        }
        PendingRecords.Ending<ImageInProgress> ending = records.end(making.reserved().get().id());
        List<BlockDevice> disks = new ArrayList<>();
        for (int i = 0; i < made.size(); i++) {
            disks.add(ImageRegistry.blockDevice(ending.record().disks().get(i).device(), made.get(i).snapshot));
        }
        making.others().forEach((device, id) -> {
            disks.add(ImageRegistry.blockDevice(device, completed.read(caller, Right.MANAGE, id)));
        });
        Set.copyOf(making.others().values()).forEach(id -> changes.add(completed.holding(id)));
        changes.addAll(images.registration(caller, ending.record(), disks).changes());
        changes.add(ending.removal());
        return Optional.empty();
    }

    private static String told(List<Job> jobs, Throwable failure) {
        Throwable cause = Fault.cause(failure);
        String which = jobs.stream()
                .map(job -> job.id + " of volume " + job.volume.id())
                .collect(Collectors.joining(", "));
        if (Fault.of(cause) == INTERNAL) {
            log.error("snapshot {} could not be made", which, cause);
            return "the server failed; its log says why";
        }
        log.warn("snapshot {} could not be made: {}", which, cause.getMessage());
        return cause.getMessage();
    }

    /** Where this fails too they are told as left by a server that ended. */
    private void fail(Work work, List<Job> jobs, String why) {
        try {
            Changes.commitPatiently(catalog, () -> {
                List<Change> changes = new ArrayList<>();
                jobs.forEach(job -> changes.addAll(records.failing(job.id, why)));
                work.reserved().ifPresent(image -> changes.addAll(records.failing(image.id(), why)));
                return changes;
            });
            records.trim();
        } catch (StoreException e) {
            log.warn("why snapshots could not be made is not written down: {}", e.getMessage());
        }
    }

    /** Ends snapshots. Whoever then finds one done may rely on it that the volume's next has its moment. */
    private void leave(List<Job> jobs) {
        jobs.forEach(this::close);
        for (Work next : leaveQueues(jobs)) {
            try {
                freeze(next);
            } catch (RuntimeException | Error e) {
                // Comes back here once for each that waits, of which there are few.
                fail(next, next.jobs, told(next.jobs, e));
                leave(next.jobs);
            }
        }
        synchronized (this) {
            jobs.forEach(job -> pending.remove(job.id));
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
    private synchronized List<Work> leaveQueues(List<Job> jobs) {
        List<Work> next = new ArrayList<>();
        for (Job job : jobs) {
            queues.get(job.volume.id()).remove(job);
        }
        for (Job job : jobs) {
            Deque<Job> queue = queues.get(job.volume.id());
            if (queue.isEmpty()) {
                queues.remove(job.volume.id());
            } else if (isTurn(queue.peek().work)) {
                next.add(queue.peek().work);
            }
        }
        return next;
    }

    private synchronized Optional<Job> job(SnapshotId id) {
        return Optional.ofNullable(pending.get(id));
    }

    private synchronized boolean isMade(ImageId id) {
        return pending.values().stream()
                .anyMatch(job -> job.work.reserved().filter(image -> image.id().equals(id)).isPresent());
    }

    @Override
    public Optional<SnapshotInProgress> find(Caller caller, SnapshotId id) {
        Optional<SnapshotInProgress> recorded = records.find(id);
        return job(id).map(Job::seen)
                .or(() -> recorded.flatMap(this::failed))
                .filter(snapshot -> Access.may(caller, Right.SEE, snapshot));
    }

    /** What nobody is at work on: it has failed, or has been completed since it was read. */
    private Optional<SnapshotInProgress> failed(SnapshotInProgress recorded) {
        return recorded.failure().isPresent()
                ? Optional.of(recorded)
                : records.find(recorded.id()).map(each -> each.failure().isPresent() ? each : each.failed(ENDED));
    }

    private Optional<ImageInProgress> failed(ImageInProgress recorded) {
        return recorded.failure().isPresent()
                ? Optional.of(recorded)
                : records.find(recorded.id()).map(each -> each.failure().isPresent() ? each : each.failed(ENDED));
    }

    @Override
    public List<SnapshotInProgress> list(Caller caller) {
        Map<SnapshotId, SnapshotInProgress> all = new HashMap<>();
        List<SnapshotInProgress> recorded = records.snapshots();
        synchronized (this) {
            pending.forEach((id, job) -> {
                if (job.work.isRecorded) {
                    all.put(id, job.seen());
                }
            });
        }
        recorded.stream()
                .filter(each -> !all.containsKey(each.id()))
                .forEach(each -> failed(each).ifPresent(shown -> all.put(shown.id(), shown)));
        return all.values().stream()
                .filter(snapshot -> Access.may(caller, Right.SEE, snapshot))
                .sorted(Comparator.comparing(snapshot -> snapshot.id().value()))
                .toList();
    }

    @Override
    public boolean tag(Caller caller, SnapshotId id, UnaryOperator<Map<String, String>> change) {
        Optional<SnapshotInProgress> found = find(caller, id);
        found.ifPresent(each -> ImageRegistry.require(caller, Right.MANAGE, each, id.value()));
        boolean isTagged = found.isPresent() && isStillThere(() -> job(id).ifPresentOrElse(
                job -> {
                    // One after the other, so that it shows those that were recorded last.
                    synchronized (job) {
                        job.tags = records.tag(id, change).tags();
                    }
                },
                () -> records.tag(id, change)));
        if (!isTagged) {
            // It has been committed: whoever looks for it again is to find that one.
            await(() -> !pending.containsKey(id), LEAVE_SECONDS);
        }
        return isTagged;
    }

    private static boolean isStillThere(Runnable change) {
        try {
            change.run();
            return true;
        } catch (StoreException e) {
            if (e.fault() != NOT_FOUND) {
                throw e;
            }
            return false;
        }
    }

    /** Forgets one that could not be made; what is being made can not be given up. */
    @Override
    public boolean forget(Caller caller, SnapshotId id) {
        Optional<SnapshotInProgress> found = find(caller, id);
        found.ifPresent(each -> {
            ImageRegistry.require(caller, Right.MANAGE, each, id.value());
            requireFailed(each.failure(), "snapshot", id.value());
        });
        return found.isPresent() && isStillThere(() -> records.remove(id));
    }

    private static void requireFailed(Optional<String> failure, String what, String id) {
        if (failure.isEmpty()) {
            throw new StoreException(CONFLICT, what + ' ' + id + " is still being made");
        }
    }

    @Override
    public Optional<ImageInProgress> find(Caller caller, ImageId id) {
        return records.find(id).flatMap(this::shown).filter(image -> Access.may(caller, Right.SEE, image));
    }

    private Optional<ImageInProgress> shown(ImageInProgress recorded) {
        return isMade(recorded.id()) ? Optional.of(recorded) : failed(recorded);
    }

    @Override
    public List<ImageInProgress> listImages(Caller caller) {
        return records.images().stream()
                .filter(image -> Access.may(caller, Right.SEE, image))
                .flatMap(image -> shown(image).stream())
                .toList();
    }

    @Override
    public boolean tag(Caller caller, ImageId id, UnaryOperator<Map<String, String>> change) {
        Optional<ImageInProgress> found = find(caller, id);
        found.ifPresent(each -> ImageRegistry.require(caller, Right.MANAGE, each, id.value()));
        return found.isPresent() && isStillThere(() -> records.tag(id, change));
    }

    @Override
    public boolean forget(Caller caller, ImageId id) {
        Optional<ImageInProgress> found = find(caller, id);
        found.ifPresent(each -> {
            ImageRegistry.require(caller, Right.MANAGE, each, id.value());
            requireFailed(each.failure(), "image", id.value());
        });
        return found.isPresent() && isStillThere(() -> records.remove(id));
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
        return await(pending::isEmpty, secondsMax);
    }

    private synchronized boolean await(BooleanSupplier isOver, int secondsMax) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(secondsMax);
        try {
            while (!isOver.getAsBoolean() && System.nanoTime() < deadline) {
                TimeUnit.NANOSECONDS.timedWait(this, deadline - System.nanoTime());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return isOver.getAsBoolean();
    }
}
