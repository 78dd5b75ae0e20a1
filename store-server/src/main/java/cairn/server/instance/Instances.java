package cairn.server.instance;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.UNAVAILABLE;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.Architecture;
import cairn.image.InstanceId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.image.Changes;
import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredImage;
import cairn.server.image.RegisteredVolume;
import cairn.server.image.VolumeAttachment;
import cairn.server.image.VolumePlan;
import cairn.server.image.VolumeRegistry;
import cairn.server.instance.Instance.StateReason;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What instances go through: launched, stopped, started again, terminated, or ended by themselves.
 *
 * <p>An instance and its volumes are made by one commit. Each state is written down before what follows from it is
 * done: {@link #recover} goes on from there. What belongs to one instance is done one at a time. Safe for threads.
 */
public final class Instances implements AutoCloseable {
    /** Most instances of one account in all regions together, those not counted that are terminated. */
    public static final int OF_ACCOUNT_MAX = 1000;
    /** Most volumes of all instances that are launched by one request: they are made by one commit. */
    public static final int VOLUMES_OF_LAUNCH_MAX = 1000;

    private static final Logger log = LoggerFactory.getLogger(Instances.class);
    private static final int STARTERS = 4;
    private static final int RETRY_MILLIS_MIN = 100;
    private static final int RETRY_MILLIS_MAX = 5_000;

    private final Catalog catalog;
    private final InstanceRegistry registry;
    private final ImageRegistry images;
    private final VolumeRegistry volumes;
    private final Supplier<Caller> root;
    private final Map<String, Launcher> launchers;
    private final Launcher launcherOfNew;
    private final SecureRandom random = new SecureRandom();
    /** One of each instance, made when it is first wanted. */
    private final Map<InstanceId, Object> locks = new ConcurrentHashMap<>();
    private final ExecutorService starters;
    private final ScheduledExecutorService timer;

    /**
     * @param root who may do what an instance's owner may, whoever that is
     * @param launchers of which each instance has one, by name
     * @param launcherOfNew which of them new instances have
     */
    public Instances(
            Catalog catalog,
            InstanceRegistry registry,
            ImageRegistry images,
            VolumeRegistry volumes,
            Supplier<Caller> root,
            List<Launcher> launchers,
            Launcher launcherOfNew) {
        this.catalog = catalog;
        this.registry = registry;
        this.images = images;
        this.volumes = volumes;
        this.root = root;
        this.launchers = launchers.stream().collect(Collectors.toMap(Launcher::name, Function.identity()));
        this.launcherOfNew = launcherOfNew;
        this.starters = Executors.newFixedThreadPool(STARTERS, task -> daemon(task, "instance-starter"));
        this.timer = Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "instance-timer"));
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /** What a request has brought about. */
    public record Transition(InstanceId id, InstanceState before, InstanceState after) {}

    /** How many instances more an account may have. */
    public int roomOfAccount(Caller caller) {
        long there = registry.all().stream()
                .filter(each -> each.owner().equals(caller.account()) && !each.state().isEnding())
                .count();
        return (int) Math.max(0, OF_ACCOUNT_MAX - there);
    }

    /**
     * Refuses early what {@link #launch} would refuse.
     *
     * @throws StoreException as {@link Launcher#requireRoom}
     */
    public void requireRoom(Architecture architecture, InstanceType type, int count) {
        launcherOfNew.requireRoom(architecture, type, count);
    }

    /**
     * Refuses early what {@link #launch} would refuse.
     *
     * @throws StoreException NOT_FOUND, or FORBIDDEN where the caller may not launch the image; INVALID_REQUEST for
     *     devices that cannot be
     */
    public void requireDevices(Caller caller, NewInstances wanted) {
        wanted.devices().forEach(device -> volumes.prepare(caller, device.plan()));
    }

    /**
     * Launches instances of an image.
     *
     * @param others changes that are to be made if and only if the instances are, by the id of their reservation
     * @throws StoreException NOT_FOUND, or FORBIDDEN where the caller may not launch the image; INVALID_REQUEST for
     *     devices that cannot be; CONFLICT if there is no room
     */
    public List<Instance> launch(Caller caller, NewInstances wanted, Function<String, List<Change>> others) {
        RegisteredImage image = images.read(caller, Right.LAUNCH, wanted.image());
        if (wanted.count() > roomOfAccount(caller)) {
            throw new StoreException(CONFLICT, "an account has at most " + OF_ACCOUNT_MAX + " instances");
        }
        if ((long) wanted.count() * wanted.devices().size() > VOLUMES_OF_LAUNCH_MAX) {
            throw new StoreException(CONFLICT, "a launch makes at most " + VOLUMES_OF_LAUNCH_MAX + " volumes");
        }
        requireRoom(image.manifest().architecture(), InstanceType.of(wanted.type()), wanted.count());
        String reservation = "r-" + String.format("%016x%x", random.nextLong(), random.nextInt(16));
        List<Instance> launched = Changes.make(catalog, () -> prepared(caller, wanted, image, reservation, others));
        // From here on they are there, whatever else fails.
        launched.forEach(instance -> begin(instance, true));
        noteLaunch(image);
        return launched.stream().map(each -> registry.find(each.id()).orElse(each)).toList();
    }

    private Changes.Prepared<List<Instance>> prepared(
            Caller caller,
            NewInstances wanted,
            RegisteredImage image,
            String reservation,
            Function<String, List<Change>> others) {
        List<Instance> launched = new ArrayList<>();
        List<Change> changes = new ArrayList<>(others.apply(reservation));
        Map<String, Change> required = new HashMap<>();
        for (int i = 0; i < wanted.count(); i++) {
            Instance instance = newInstance(caller, wanted, image, reservation, i);
            launched.add(instance);
            changes.add(InstanceRegistry.keep(instance));
            for (NewInstances.Device device : wanted.devices()) {
                VolumeRegistry.Creation volume = volumes.prepare(caller, attached(device, instance));
                changes.add(volume.change());
                // As it was first: a snapshot that has changed since is not the one that others were made of.
                volume.required().ifPresent(each -> required.putIfAbsent(each.key(), each));
            }
        }
        changes.addAll(required.values());
        return new Changes.Prepared<>(launched, changes);
    }

    private void noteLaunch(RegisteredImage image) {
        try {
            images.launched(image.id());
        } catch (StoreException e) {
            log.warn("image {} does not tell of its last launch: {}", image.id(), e.getMessage());
        }
    }

    private Instance newInstance(
            Caller caller, NewInstances wanted, RegisteredImage image, String reservation, int index) {
        Instant now = registry.now();
        Launch launch = new Launch(
                reservation,
                index,
                wanted.zone(),
                image.id(),
                image.manifest().architecture(),
                image.manifest().bootMode(),
                image.manifest().rootDevice(),
                wanted.type(),
                wanted.isEndedByShutdown(),
                wanted.keyName(),
                wanted.userData(),
                wanted.subnetId(),
                wanted.securityGroupIds(),
                wanted.clientToken());
        return new Instance(
                InstanceId.random(random),
                caller.account(),
                caller.region(),
                launch,
                launcherOfNew.name(),
                now,
                InstanceState.PENDING,
                Optional.empty(),
                now,
                wanted.tags());
    }

    private VolumePlan attached(NewInstances.Device device, Instance instance) {
        VolumePlan plan = device.plan();
        VolumeAttachment attachment = new VolumeAttachment(
                instance.id(),
                device.name(),
                device.isDeletedOnTermination(),
                instance.launchedAt(),
                VolumeAttachment.State.ATTACHED);
        return new VolumePlan(plan.wanted(), plan.device(), plan.settings().with(attachment));
    }

    /** @param isNew it is terminated if it does not start; else stopped */
    private void begin(Instance instance, boolean isNew) {
        if (launcherOf(instance).startsAtOnce()) {
            start(instance.id(), isNew);
            return;
        }
        try {
            starters.execute(() -> start(instance.id(), isNew));
        } catch (RejectedExecutionException e) {
            // The server is going down; the next one starts it.
        }
    }

    private void start(InstanceId id, boolean isNew) {
        synchronized (lockOf(id)) {
            Optional<Instance> pending =
                    registry.find(id).filter(each -> each.state() == InstanceState.PENDING);
            if (pending.isEmpty()) {
                return;
            }
            try {
                launcherOf(pending.get()).start(machineOf(pending.get()), () -> ended(id));
                enter(id, InstanceState.RUNNING, Optional.empty());
            } catch (RuntimeException e) {
                Optional<StateReason> reason = Optional.of(StateReason.failed(told(id, e)));
                fail(id, isNew ? InstanceState.SHUTTING_DOWN : InstanceState.STOPPING, reason, RETRY_MILLIS_MIN);
            }
        }
    }

    /** Ends what may run of one that could not be started; the record is tried again where it cannot be written. */
    private void fail(InstanceId id, InstanceState state, Optional<StateReason> reason, int retryMillis) {
        synchronized (lockOf(id)) {
            Optional<Instance> pending =
                    registry.find(id).filter(each -> each.state() == InstanceState.PENDING);
            if (pending.isEmpty()) {
                return;
            }
            try {
                enter(id, state, reason);
            } catch (RuntimeException e) {
                log.error("instance {}, which has not started, is not {} yet", id, state.label(), e);
                later(() -> fail(id, state, reason, Math.min(2 * retryMillis, RETRY_MILLIS_MAX)), retryMillis);
            }
            if (!launcherOf(pending.get()).end(id, true)) {
                ended(id);
            }
        }
    }

    /** What its owner is told, who is not to read of the host. */
    private static String told(InstanceId id, RuntimeException failure) {
        if (Fault.of(failure) == CONFLICT) {
            log.warn("instance {} does not start: {}", id, failure.getMessage());
            return failure.getMessage();
        }
        log.error("instance {} does not start", id, failure);
        return "the machine could not be started; the server's log says why";
    }

    private Instance enter(InstanceId id, InstanceState state, Optional<StateReason> reason) {
        return registry.change(id, each -> each.in(state, reason, registry.now()));
    }

    private Machine machineOf(Instance instance) {
        return new Machine(
                instance.id(),
                instance.launch().architecture(),
                instance.launch().bootMode(),
                instance.type(),
                disks(instance).map(RegisteredVolume::id).toList());
    }

    /** What it boots from first, the others by their devices' names. */
    private Stream<RegisteredVolume> disks(Instance instance) {
        Function<RegisteredVolume, String> device = volume -> attachment(volume, instance.id()).device();
        return volumesOf(instance.id()).stream()
                .sorted(Comparator.comparing((RegisteredVolume volume) ->
                                !device.apply(volume).equals(instance.launch().rootDevice()))
                        .thenComparing(device));
    }

    private List<RegisteredVolume> volumesOf(InstanceId id) {
        return volumes.attachedTo(root.get(), id);
    }

    private static VolumeAttachment attachment(RegisteredVolume volume, InstanceId id) {
        return volume.settings().findAttachment(id).orElseThrow();
    }

    /**
     * Starts one that is stopped.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if it is in a state from which it cannot be started, or there is no
     *     room
     */
    public Transition start(Caller caller, InstanceId id) {
        synchronized (lockOf(id)) {
            Instance before = registry.read(caller, id);
            switch (before.state()) {
                case PENDING, RUNNING -> { }
                case STOPPED -> {
                    launcherOf(before).requireRoom(before.launch().architecture(), before.type(), 1);
                    begin(registry.change(id, each -> each.startedAgain(registry.now())), false);
                }
                case STOPPING, SHUTTING_DOWN, TERMINATED -> throw incorrectState(before, "started");
            }
            return transition(before);
        }
    }

    /**
     * Stops one that is running.
     *
     * @param isAtOnce as if its power failed
     * @throws StoreException NOT_FOUND; CONFLICT if it is in a state from which it cannot be stopped
     */
    public Transition stop(Caller caller, InstanceId id, boolean isAtOnce) {
        synchronized (lockOf(id)) {
            Instance before = registry.read(caller, id);
            switch (before.state()) {
                case STOPPED -> { }
                case RUNNING, STOPPING -> {
                    Launcher launcher = launcherOf(before);
                    enter(id, InstanceState.STOPPING, Optional.of(StateReason.ASKED));
                    boolean isTold = before.state() == InstanceState.STOPPING && !isAtOnce;
                    if (!isTold && !launcher.end(id, isAtOnce)) {
                        ended(id);
                    }
                }
                case PENDING, SHUTTING_DOWN, TERMINATED -> throw incorrectState(before, "stopped");
            }
            return transition(before);
        }
    }

    /**
     * Ends one for good: its volumes go, or are detached, as their attachments say. One whose volumes all go is ended
     * at once; else its machine may first write to them what it has to.
     *
     * @param isForced at once in any case
     * @throws StoreException NOT_FOUND
     */
    public Transition terminate(Caller caller, InstanceId id, boolean isForced) {
        synchronized (lockOf(id)) {
            Instance before = registry.read(caller, id);
            if (!before.state().isEnding()) {
                Launcher launcher = launcherOf(before);
                enter(id, InstanceState.SHUTTING_DOWN, Optional.of(StateReason.ASKED));
                boolean isAtOnce = isForced
                        || volumesOf(id).stream().allMatch(each -> attachment(each, id).deleteOnTermination());
                if (!launcher.end(id, isAtOnce)) {
                    finish(id);
                }
            }
            return transition(before);
        }
    }

    private Transition transition(Instance before) {
        InstanceState after =
                registry.find(before.id()).map(Instance::state).orElse(InstanceState.TERMINATED);
        return new Transition(before.id(), before.state(), after);
    }

    private static StoreException incorrectState(Instance instance, String what) {
        return new StoreException(
                CONFLICT,
                "instance " + instance.id() + " is " + instance.state().label()
                        + ", which is not a state from which it can be " + what);
    }

    /** Its machine runs no longer. */
    private void ended(InstanceId id) {
        synchronized (lockOf(id)) {
            Optional<Instance> instance = registry.find(id);
            if (instance.isEmpty()) {
                return;
            }
            switch (instance.get().state()) {
                case RUNNING -> {
                    Optional<StateReason> reason = Optional.of(StateReason.BY_ITSELF);
                    if (instance.get().launch().isEndedByShutdown()) {
                        enter(id, InstanceState.SHUTTING_DOWN, reason);
                        finish(id);
                    } else {
                        enter(id, InstanceState.STOPPED, reason);
                    }
                }
                case STOPPING -> enter(id, InstanceState.STOPPED, instance.get().reason());
                case SHUTTING_DOWN -> finish(id);
                case PENDING, STOPPED, TERMINATED -> { }
            }
        }
    }

    private void finish(InstanceId id) {
        finish(id, RETRY_MILLIS_MIN);
    }

    /** Gives up its volumes; later, where somebody still has one open that is to go. */
    private void finish(InstanceId id, int retryMillis) {
        synchronized (lockOf(id)) {
            Optional<Instance> instance = registry.find(id);
            if (instance.isEmpty() || instance.get().state() != InstanceState.SHUTTING_DOWN) {
                return;
            }
            long left = volumesOf(id).stream().filter(volume -> !isGivenUp(volume, id)).count();
            if (left == 0) {
                enter(id, InstanceState.TERMINATED, instance.get().reason());
            } else {
                later(() -> finish(id, Math.min(2 * retryMillis, RETRY_MILLIS_MAX)), retryMillis);
            }
        }
    }

    private boolean isGivenUp(RegisteredVolume volume, InstanceId id) {
        try {
            boolean isLast = volume.settings().attachments().size() == 1;
            if (attachment(volume, id).deleteOnTermination() && isLast) {
                volumes.removeFrom(root.get(), volume.id(), id);
            } else {
                volumes.detach(root.get(), volume.id(), id);
            }
            return true;
        } catch (StoreException e) {
            if (e.fault() != CONFLICT && e.fault() != NOT_FOUND) {
                log.warn("volume {} of {}, which is terminated: {}", volume.id(), id, e.getMessage());
            }
            return e.fault() == NOT_FOUND;
        }
    }

    private void later(Runnable task, int millis) {
        try {
            timer.schedule(task, millis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // The server is going down; the next one goes on.
        }
    }

    /** What there is to know of how an instance runs, as tags. */
    public Map<String, String> launcherTags(Instance instance) {
        Launcher launcher = launchers.get(instance.launcher());
        return launcher == null ? Map.of() : launcher.tags(instance.id());
    }

    private Launcher launcherOf(Instance instance) {
        Launcher launcher = launchers.get(instance.launcher());
        if (launcher == null) {
            throw new StoreException(
                    UNAVAILABLE,
                    "instance " + instance.id() + " is run by " + instance.launcher() + ", which this server has not");
        }
        return launcher;
    }

    /**
     * Gives one more volume to an instance, from its next start on where a launcher runs it.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if the instance is in no state for that, or has such a device, or the
     *     volume is in use; INVALID_REQUEST if it lies in another zone
     */
    public RegisteredVolume attach(Caller caller, VolumeId volume, InstanceId id, String device) {
        synchronized (lockOf(id)) {
            Instance instance = registry.read(caller, id);
            requireChangeable(instance);
            boolean isTaken = volumesOf(id).stream().anyMatch(each -> attachment(each, id).device().equals(device));
            if (isTaken) {
                throw new StoreException(CONFLICT, "instance " + id + " has a device " + device + " already");
            }
            return volumes.attach(caller, volume, instance.launch().zone(), new VolumeAttachment(
                    id, device, false, registry.now(), VolumeAttachment.State.ATTACHED));
        }
    }

    /**
     * Takes a volume from an instance.
     *
     * @throws StoreException NOT_FOUND; CONFLICT if the instance does not have it, or is in no state for that
     */
    public RegisteredVolume detach(Caller caller, VolumeId volume, InstanceId id) {
        synchronized (lockOf(id)) {
            Instance instance = registry.read(caller, id);
            requireChangeable(instance);
            boolean isRoot = volumes.read(caller, volume).settings().findAttachment(id)
                    .filter(each -> each.device().equals(instance.launch().rootDevice()))
                    .isPresent();
            if (isRoot && instance.state() != InstanceState.STOPPED) {
                throw new StoreException(
                        CONFLICT, "volume " + volume + " is what " + id + ", which is running, boots from");
            }
            return volumes.detach(caller, volume, id);
        }
    }

    /**
     * Refuses early what {@link #attach} and {@link #detach} would refuse.
     *
     * @throws StoreException CONFLICT if it is neither stopped, nor run by somebody who takes up such a change at once
     */
    public void requireChangeable(Instance instance) {
        boolean isLive = instance.state() == InstanceState.RUNNING && launcherOf(instance).startsAtOnce();
        if (!isLive && instance.state() != InstanceState.STOPPED) {
            throw new StoreException(
                    CONFLICT,
                    "instance " + instance.id() + " is " + instance.state().label() + ": its volumes are changed while"
                            + " it is stopped");
        }
    }

    /** Goes on, when the server starts, where an earlier one has ended. */
    public void recover() {
        registry.all().forEach(this::recover);
    }

    private void recover(Instance instance) {
        InstanceId id = instance.id();
        Launcher launcher = launchers.get(instance.launcher());
        if (launcher == null) {
            log.warn("instance {} is run by {}, which this server has not", id, instance.launcher());
            return;
        }
        synchronized (lockOf(id)) {
            switch (instance.state()) {
                case PENDING -> {
                    if (launcher.resume(machineOf(instance), () -> ended(id))) {
                        enter(id, InstanceState.RUNNING, Optional.empty());
                    } else {
                        begin(instance, false);
                    }
                }
                case RUNNING -> {
                    if (!launcher.resume(machineOf(instance), () -> ended(id))) {
                        enter(id, InstanceState.STOPPED, Optional.of(StateReason.failed(
                                "the machine had ended when the server came back")));
                    }
                }
                case STOPPING, SHUTTING_DOWN -> {
                    if (!launcher.resume(machineOf(instance), () -> ended(id)) || !launcher.end(id, false)) {
                        ended(id);
                    }
                }
                case STOPPED, TERMINATED -> { }
            }
        }
    }

    /** Removes what is left of those that are no longer told of. */
    public void removeForgotten() {
        registry.removeForgotten().forEach(id -> launchers.values().forEach(launcher -> launcher.forget(id)));
        // Whoever still waits for one of these finds no instance.
        locks.keySet().removeIf(id -> registry.find(id).isEmpty());
    }

    private Object lockOf(InstanceId id) {
        return locks.computeIfAbsent(id, ignored -> new Object());
    }

    /** Machines go on; their volumes wait for the next server. */
    @Override
    public void close() {
        timer.shutdownNow();
        starters.shutdown();
        launchers.values().forEach(Launcher::close);
    }
}
