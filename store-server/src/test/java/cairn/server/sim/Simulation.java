package cairn.server.sim;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.NO_SPACE;
import static cairn.Fault.SHUTTING_DOWN;
import static cairn.Fault.UNAVAILABLE;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.image.Architecture;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.NewSnapshot;
import cairn.image.NewVolume;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.SetClock;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Sharing;
import cairn.server.gc.Budget;
import cairn.server.gc.Collector;
import cairn.server.gc.GcStatus;
import cairn.server.image.NewCopy;
import cairn.server.image.NewSnapshotCopy;
import cairn.server.image.RegisteredImage;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotLock;
import cairn.server.image.SnapshotSettings;
import cairn.server.sim.Contents.Content;
import cairn.server.storage.Catalog;
import cairn.server.storage.ItemKey;
import cairn.server.storage.OpenTrees;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.StoredPages;
import cairn.server.upload.BlockUploads;
import cairn.server.upload.NewBlockSnapshot;
import cairn.server.upload.PackedItem;
import cairn.server.upload.Uploads;
import cairn.server.volume.Volume;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.TreeRoot;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * One run, by a seed: accounts push, copy, delete and restore disks, write snapshots block by block and volumes, while
 * the clock jumps, the disk fills up and forgets, and servers end and begin again. What a server has acknowledged is
 * written down, and looked for.
 */
final class Simulation implements AutoCloseable {
    private static final int LAST_OPERATIONS = 60;
    private static final int CHECK_EVERY = 200;
    private static final int PENDING_WANTED = 5;
    /** One of so many collections may be cut off. */
    private static final int GC_CRASHES = 8;
    private static final int TRIES_MAX = 20;
    private static final long VOLUME_BYTES_WANTED = 2L << 20;
    private static final Duration LOCK = Duration.ofDays(1);

    private final long seed;
    private final Random random;
    private final SetClock clock = new SetClock();
    private final Contents contents;
    private final Turns turns;
    private final SimDisk disk;
    private final int tasksMax;
    private final double failureRate;
    private final boolean isSettling;
    /** Few: then much dies. */
    private final int imagesWanted;
    private World world;

    // What was acknowledged.
    // In the order in which that was: their ids are not of the seed.
    private final Map<SnapshotId, Kept> snapshots = Collections.synchronizedMap(new LinkedHashMap<>());
    private final Map<ImageId, KeptImage> images = Collections.synchronizedMap(new LinkedHashMap<>());
    private final Set<ImageId> recycled = Collections.synchronizedSet(new LinkedHashSet<>());
    private final Map<Digest, Content> contentsByRoot = new ConcurrentHashMap<>();
    private final List<Push> pushes = new CopyOnWriteArrayList<>();
    private final List<BlockSnapshot> blockSnapshots = new CopyOnWriteArrayList<>();
    private final List<Reading> readings = new CopyOnWriteArrayList<>();
    private final List<Disk> volumes = new CopyOnWriteArrayList<>();

    private final Deque<String> lastOperations = new ArrayDeque<>();
    private final Map<String, Long> counts = new TreeMap<>();
    private long operations;
    private boolean isBegun;
    private volatile boolean isCollecting;
    /** By which a lock may have been found expired. */
    private volatile Instant latest = clock.instant();
    private int names;
    private String now = "";

    /** A snapshot. @param isSure nobody has tried to remove it */
    private record Kept(Caller owner, TreeRoot root, boolean isSure, Instant lockedUntil) {
        Kept doubtful() {
            return new Kept(owner, root, false, lockedUntil);
        }

        boolean isWanted(Instant now) {
            return isSure || now.isBefore(lockedUntil);
        }
    }

    /** An image. @param isSure nobody has tried to remove it */
    private record KeptImage(Caller owner, SnapshotId snapshot, Content content, boolean isBinned, boolean isSure) {}

    /** A disk that a client is sending. */
    private final class Push {
        final Caller caller;
        final String id;
        final Content content;
        final List<Page> pages = new ArrayList<>();
        final TreeRoot root;
        final Deque<Integer> chunksToSend = new ArrayDeque<>();
        final Deque<Page> pagesToSend = new ArrayDeque<>();
        boolean isBusy;
        boolean isAsked;
        long lossesWhenAsked;
        Instant usedAt;

        Push(Caller caller, String id, Content content, Instant begunAt) {
            this.usedAt = begunAt;
            this.caller = caller;
            this.id = id;
            this.content = content;
            this.root = contents.tree(content, pages::add);
        }

        boolean isExcused() {
            return disk.losses() != lossesWhenAsked;
        }
    }

    /** A snapshot that a client writes block by block. */
    private final class BlockSnapshot {
        final Caller caller;
        final SnapshotId id;
        final Content base;
        final Map<Integer, Integer> written = new ConcurrentSkipListMap<>();
        boolean isBusy;
        Instant usedAt = clock.instant();
        /** A block of which nobody knows whether it is there. */
        int doubtful = -1;

        BlockSnapshot(Caller caller, SnapshotId id, Content base) {
            this.caller = caller;
            this.id = id;
            this.base = base;
        }
    }

    /** A tree that is read, whatever becomes of its image. */
    private static final class Reading {
        final OpenTrees.Reading open;
        final cairn.server.image.Disk record;
        final Content content;
        boolean isBusy;

        Reading(OpenTrees.Reading open, cairn.server.image.Disk record, Content content) {
            this.open = open;
            this.record = record;
            this.content = content;
        }
    }

    /** A volume. */
    private static final class Disk {
        final Caller caller;
        final VolumeId id;
        /** What it holds for sure; null where nobody knows. */
        Content synced;
        /** What was written since, in order. */
        final List<Map.Entry<Long, Integer>> unsynced = new ArrayList<>();
        boolean isBusy;
        boolean isDoubtful;

        Disk(Caller caller, VolumeId id, Content content) {
            this.caller = caller;
            this.id = id;
            this.synced = content;
        }

        Content content() {
            return contentAfter(unsynced.size());
        }

        Content contentAfter(int writes) {
            TreeMap<Long, Integer> changes = new TreeMap<>();
            unsynced.subList(0, writes).forEach(write -> changes.put(write.getKey(), write.getValue()));
            return synced.with(changes);
        }

        void sync() {
            synced = content();
            unsynced.clear();
        }
    }

    Simulation(long seed, Contents contents) {
        this.seed = seed;
        this.contents = contents;
        this.random = new Random(seed);
        this.turns = new Turns(new Random(seed + 1));
        this.disk = new SimDisk(new Random(seed + 2), turns::pass);
        this.tasksMax = List.of(1, 1, 2, 3, 5).get(random.nextInt(5));
        this.imagesWanted = List.of(2, 4, 12).get(random.nextInt(3));
        this.isSettling = random.nextBoolean();
        this.failureRate = List.of(0.0, 0.0, 0.02, 0.1).get(random.nextInt(4));
        this.world = newWorld();
    }

    private World newWorld() {
        return new World(disk.open(), clock, isSettling);
    }

    Map<String, Long> counts() {
        return counts;
    }

    /** @throws AssertionError telling the seed, where anything acknowledged is lost or anything else is wrong */
    void run(long wantedOperations) {
        try {
            while (operations < wantedOperations) {
                if (turns.count() < tasksMax && (turns.count() == 0 || random.nextInt(3) == 0)) {
                    begin();
                }
                if (turns.count() > 0) {
                    now = "turn";
                    turns.step();
                }
                restartIfEnded();
            }
            now = "the end";
            turns.finish();
            restartIfEnded();
            checkQuietly();
            now = "draining";
            drain();
        } catch (RuntimeException | Error e) {
            AssertionError told = new AssertionError("seed " + seed + ", operation " + operations + " (" + now
                    + "), tasks at once " + tasksMax + ", failures " + failureRate + ": " + e.getMessage()
                    + "\nlast operations:\n  " + String.join("\n  ", lastOperations));
            told.initCause(e);
            throw told;
        }
    }

    private void restartIfEnded() {
        if (!disk.isOpen()) {
            now = "crash";
            crash();
        }
    }

    private void crash() {
        disk.cut();
        turns.finish();
        world.close();
        disk.crash();
        reopen();
    }

    /** Pages of which is said where their children lie, though no row names them. */
    private static Set<Long> orphansIn(SimState state) {
        Set<Long> found = new HashSet<>(state.children.keySet());
        found.removeAll(Set.copyOf(state.rows.values()));
        return found;
    }

    private void reopen() {
        disk.setFailureRate(0);
        readings.clear();
        isCollecting = false;
        world = newWorld();
        volumes.forEach(volume -> volume.isBusy = false);
        resolveVolumes();
        check();
    }

    /** Begins one operation, drawn at random: at once where nothing else goes on, or as a task. */
    private void begin() {
        if (++operations % CHECK_EVERY == 0) {
            checkQuietly();
        }
        isBegun = false;
        for (int tries = 0; tries < TRIES_MAX && !isBegun; tries++) {
            draw(random.nextInt(1000));
        }
    }

    private void draw(int dice) {
        if (dice < 420) {
            push(dice);
        } else if (dice < 560) {
            image(dice);
        } else if (dice < 700) {
            blockSnapshot(dice);
        } else if (dice < 850) {
            volume(dice);
        } else {
            other(dice);
        }
    }

    /** @param faults that are no fault of the server's */
    private void operate(String what, Set<Fault> faults, Runnable action) {
        operate(what, faults, action, () -> {});
    }

    private void operate(String what, Set<Fault> faults, Runnable action, Runnable finallyDo) {
        operate(what, () -> faults, action, finallyDo);
    }

    /** @param faults asked when it has failed */
    private void operate(String what, Supplier<Set<Fault>> faults, Runnable action, Runnable finallyDo) {
        isBegun = true;
        String kind = what.split(" ")[0];
        counts.merge(kind, 1L, Long::sum);
        Runnable whole = () -> {
            try {
                action.run();
                note(what + ": done");
            } catch (RuntimeException e) {
                Fault fault = Fault.of(e);
                note(what + ": " + fault + " " + e.getMessage());
                boolean isExpected = faults.get().contains(fault)
                        || fault == SHUTTING_DOWN && !disk.isOpen()
                        || fault == NO_SPACE && failureRate > 0;
                if (!isExpected) {
                    throw new AssertionError(what + " failed: " + e, e);
                }
            } finally {
                finallyDo.run();
            }
        };
        now = what;
        if (tasksMax == 1) {
            whole.run();
        } else {
            turns.start(what, whole);
        }
    }

    private synchronized void note(String what) {
        lastOperations.add(operations + " " + what);
        while (lastOperations.size() > LAST_OPERATIONS) {
            lastOperations.remove();
        }
    }

    private <T> Optional<T> pick(Collection<T> some) {
        if (some.isEmpty()) {
            return Optional.empty();
        }
        return some.stream().skip(random.nextInt(some.size())).findFirst();
    }

    private Caller anyCaller() {
        return World.CALLERS.get(random.nextInt(World.CALLERS.size()));
    }

    // Disks

    /** A new disk, or one that was changed a little. */
    private Content anyContent() {
        List<KeptImage> all = List.copyOf(images.values());
        if (!all.isEmpty() && random.nextInt(3) != 0) {
            Content base = all.get(random.nextInt(all.size())).content;
            TreeMap<Long, Integer> changes = new TreeMap<>();
            int changed = random.nextInt(4);
            for (int i = 0; i < changed; i++) {
                changes.put(anyIndex(base), anyChunk());
            }
            return base.with(changes);
        }
        boolean isHigh = random.nextInt(5) == 0;
        long count = isHigh ? 257 + random.nextInt(400) : 1 + random.nextInt(40);
        TreeMap<Long, Integer> chunks = new TreeMap<>();
        int written = 1 + random.nextInt(30);
        for (int i = 0; i < written; i++) {
            chunks.put((long) random.nextInt((int) count), 1 + random.nextInt(Contents.CHUNKS - 1));
        }
        return new Content(count * Chunk.SIZE_BYTES, chunks);
    }

    private long anyIndex(Content content) {
        return random.nextInt((int) Math.min(1000, Chunk.count(content.sizeBytes())));
    }

    private int anyChunk() {
        return random.nextInt(Contents.CHUNKS);
    }

    private Optional<Map.Entry<ImageId, KeptImage>> anyImage() {
        return pick(List.copyOf(images.entrySet()));
    }

    // Pushes

    private void push(int dice) {
        List<Push> idle = pushes.stream().filter(each -> !each.isBusy).toList();
        if (idle.isEmpty() || pushes.size() < PENDING_WANTED && dice < 40) {
            beginPush();
            return;
        }
        Push push = idle.get(random.nextInt(idle.size()));
        push.isBusy = true;
        Runnable after = () -> push.isBusy = false;
        if (dice < 45) {
            operate("push-cancel " + push.id, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                world.uploads.cancel(push.caller, push.id);
            }, () -> pushes.remove(push));
        } else if (dice < 48) {
            pushes.remove(push);
        } else if (!push.isAsked) {
            operate("push-ask " + push.id, () -> faultsOf(push), () -> unlessGone(push, this::ask), after);
        } else if (!push.chunksToSend.isEmpty()) {
            operate("push-chunks " + push.id, () -> faultsOf(push), () -> unlessGone(push, this::sendChunks), after);
        } else if (!push.pagesToSend.isEmpty()) {
            operate("push-pages " + push.id, () -> faultsOf(push), () -> unlessGone(push, this::sendPages), after);
        } else {
            operate("push-finish " + push.id, () -> faultsOf(push), () -> unlessGone(push, this::finish), after);
        }
    }

    private void beginPush() {
        if (images.size() + pushes.size() >= imagesWanted + 2 * PENDING_WANTED) {
            return;
        }
        Caller caller = anyCaller();
        Content content = anyContent();
        operate("push-begin", EnumSet.noneOf(Fault.class), () -> {
            Instant begunAt = clock.instant();
            pushes.add(new Push(caller, world.uploads.start(caller, content.sizeBytes()).id(), content, begunAt));
        });
    }

    /** A push whose upload may have ended finds nothing any more. */
    private Set<Fault> faultsOf(Push push) {
        boolean mayHaveEnded = !latest.isBefore(push.usedAt.plus(Uploads.LEASE.dividedBy(2)));
        return mayHaveEnded ? EnumSet.of(NOT_FOUND, CONFLICT) : EnumSet.noneOf(Fault.class);
    }

    private void unlessGone(Push push, Consumer<Push> action) {
        try {
            action.accept(push);
        } catch (StoreException e) {
            if (e.fault() == NOT_FOUND) {
                pushes.remove(push);
            }
            throw e;
        }
    }

    private record Answer(boolean isKnown, BitSet missing) {}

    private void ask(Push push) {
        Instant begunAt = clock.instant();
        push.lossesWhenAsked = disk.losses();
        push.chunksToSend.clear();
        push.pagesToSend.clear();
        List<Page> leaves = push.pages.stream().filter(page -> page.level() == 0).toList();
        List<Answer> answers = world.uploads.ask(push.caller, push.id, leaves, Answer::new);
        for (int i = 0; i < leaves.size(); i++) {
            if (answers.get(i).isKnown) {
                continue;
            }
            Page leaf = leaves.get(i);
            answers.get(i).missing.stream()
                    .forEach(slot -> push.chunksToSend.add(numberOf(leaf, slot)));
            push.pagesToSend.add(leaf);
        }
        push.pages.stream().filter(page -> page.level() > 0).forEach(push.pagesToSend::add);
        push.isAsked = true;
        push.usedAt = begunAt;
    }

    private int numberOf(Page leaf, int slot) {
        for (int number = 1; number < Contents.CHUNKS; number++) {
            if (contents.known(number).id().equals(leaf.chunk(slot))) {
                return number;
            }
        }
        throw new AssertionError("no known chunk");
    }

    private void sendChunks(Push push) {
        touch(push);
        for (int i = 0; i < 8 && !push.chunksToSend.isEmpty(); i++) {
            Contents.Known chunk = contents.known(push.chunksToSend.peek());
            byte[] packed = chunk.packed();
            world.uploads.put(push.caller, push.id, new PackedItem(ItemKey.of(chunk.id()), packed, 0, packed.length));
            push.chunksToSend.remove();
        }
    }

    private void touch(Push push) {
        Instant begunAt = clock.instant();
        world.uploads.touch(push.caller, push.id);
        push.usedAt = begunAt;
    }

    private void sendPages(Push push) {
        try {
            touch(push);
            for (int i = 0; i < 4 && !push.pagesToSend.isEmpty(); i++) {
                Page page = push.pagesToSend.peek();
                byte[] packed = Contents.pack(page.toBytes());
                world.uploads.put(
                        push.caller, push.id, new PackedItem(ItemKey.of(page.id()), packed, 0, packed.length));
                push.pagesToSend.remove();
            }
        } catch (StoreException e) {
            begunAgain(push, e);
        }
    }

    /** What was answered as known, or sent, is still there, unless something was lost meanwhile. */
    private void begunAgain(Push push, StoreException e) {
        boolean isLacking = e.fault() == INVALID_REQUEST || e.fault() == CONFLICT && faultsOf(push).isEmpty();
        if (isLacking && !push.isExcused() && disk.isOpen()) {
            throw new AssertionError("push " + push.id + " lacks what it was told of: " + e.getMessage(), e);
        }
        push.isAsked = false;
        if (!isLacking) {
            throw e;
        }
    }

    private void finish(Push push) {
        boolean isBinned = random.nextInt(3) == 0;
        TreeRoot root;
        try {
            root = world.uploads.seal(push.caller, push.id, push.root.top().digest(), push.root.digest());
        } catch (StoreException e) {
            begunAgain(push, e);
            return;
        }
        try {
            RegisteredImage image = world.images.register(
                    push.caller,
                    newImage(isBinned),
                    root,
                    Encryption.Choice.PLAIN,
                    List.of(world.uploads.end(push.caller, push.id)));
            keep(push.caller, image, push.content, isBinned);
        } finally {
            // Where it fails there may be an image nonetheless, and then there is no upload.
            pushes.remove(push);
            world.uploads.ended(push.caller, push.id);
        }
    }

    private NewImage newImage(boolean isBinned) {
        return new NewImage(
                anyName(),
                "",
                Architecture.X86_64,
                Optional.empty(),
                Optional.empty(),
                isBinned ? Map.of(World.BIN_TAG, "yes") : Map.of());
    }

    private synchronized ImageName anyName() {
        return new ImageName("image-" + ++names);
    }

    private void keep(Caller caller, RegisteredImage image, Content content, boolean isBinned) {
        SnapshotId snapshot = image.manifest().root().snapshot();
        keep(caller, snapshot, content);
        images.put(image.id(), new KeptImage(caller, snapshot, content, isBinned, true));
    }

    private void keep(Caller caller, SnapshotId id, Content content) {
        TreeRoot root = contents.root(content);
        snapshots.put(id, new Kept(caller, root, true, Instant.MIN));
        contentsByRoot.put(root.digest().digest(), content);
    }

    // Images

    private void image(int dice) {
        Optional<Map.Entry<ImageId, KeptImage>> picked = anyImage();
        if (picked.isEmpty()) {
            return;
        }
        ImageId id = picked.get().getKey();
        KeptImage image = picked.get().getValue();
        if (dice < 470) {
            if (images.size() > imagesWanted / 3) {
                operate("image-remove " + id, EnumSet.of(NOT_FOUND, CONFLICT), () -> remove(id, image));
            }
        } else if (dice < 490) {
            pick(List.copyOf(recycled)).ifPresent(binned -> operate(
                    "image-restore " + binned, EnumSet.of(NOT_FOUND, CONFLICT), () -> restore(binned)));
        } else if (dice < 500) {
            if (images.size() >= imagesWanted) {
                return;
            }
            Caller caller = anyCaller();
            ImageName name = anyName();
            operate("image-copy " + id, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                world.images.change(image.owner, id, each -> each.with(new Sharing(true, Set.of())));
                RegisteredImage copy = world.copies.copy(caller, NewCopy.of(id, Region.LOCAL, name), each -> List.of());
                keep(caller, copy, image.content, false);
            });
        } else if (dice < 505) {
            if (snapshots.size() >= 3 * imagesWanted) {
                return;
            }
            operate("snapshot-copy " + image.snapshot, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                Snapshot copy = world.completed.copy(
                        image.owner,
                        image.snapshot,
                        Region.LOCAL,
                        new NewSnapshotCopy("", Map.of(), Encryption.Choice.PLAIN),
                        each -> List.of());
                keep(image.owner, copy.id(), image.content);
            });
        } else {
            pick(List.copyOf(snapshots.keySet())).ifPresent(each -> snapshot(each, dice));
        }
    }

    private void remove(ImageId id, KeptImage image) {
        images.remove(id);
        snapshots.computeIfPresent(image.snapshot, (ignored, kept) -> kept.doubtful());
        if (image.isBinned) {
            recycled.add(id);
        }
        world.images.remove(image.owner, id);
    }

    private void restore(ImageId id) {
        for (Caller caller : World.CALLERS) {
            if (world.images.findRecycled(caller, id).isPresent()) {
                RegisteredImage restored = world.images.restore(caller, id);
                recycled.remove(id);
                SnapshotId snapshot = restored.manifest().root().snapshot();
                Kept kept = snapshots.get(snapshot);
                Content content = kept == null ? null : contentsByRoot.get(kept.root.digest().digest());
                if (content != null) {
                    keep(caller, snapshot, content);
                    images.put(id, new KeptImage(caller, snapshot, content, true, true));
                }
                return;
            }
        }
        recycled.remove(id);
    }

    private void snapshot(SnapshotId id, int dice) {
        Kept kept = snapshots.get(id);
        if (dice < 545) {
            operate("snapshot-remove " + id, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                try {
                    snapshots.computeIfPresent(id, (ignored, each) -> each.doubtful());
                    world.completed.remove(kept.owner, id);
                } catch (StoreException e) {
                    if (e.fault() == CONFLICT && kept.isSure) {
                        snapshots.computeIfPresent(id, (ignored, each) ->
                                new Kept(each.owner, each.root, false, each.lockedUntil));
                    }
                    throw e;
                }
            });
        } else {
            operate("snapshot-lock " + id, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                Snapshot locked = world.completed.lock(kept.owner, id, new SnapshotLock.Wanted(
                        SnapshotLock.Mode.GOVERNANCE,
                        Optional.empty(),
                        Optional.of((int) LOCK.toDays()),
                        Optional.empty()));
                Instant until = locked.settings().lock().orElseThrow().expiresAt();
                snapshots.computeIfPresent(id, (ignored, each) -> new Kept(each.owner, each.root, each.isSure, until));
            });
        }
    }

    // Snapshots that are written block by block

    private void blockSnapshot(int dice) {
        List<BlockSnapshot> idle = blockSnapshots.stream().filter(each -> !each.isBusy).toList();
        if (idle.isEmpty() || blockSnapshots.size() < PENDING_WANTED && dice < 580) {
            beginBlocks();
            return;
        }
        BlockSnapshot target = idle.get(random.nextInt(idle.size()));
        target.isBusy = true;
        Runnable after = () -> target.isBusy = false;
        if (dice < 590) {
            operate("blocks-forget " + target.id, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                world.blockUploads.forget(target.caller, target.id);
            }, () -> blockSnapshots.remove(target));
        } else if (dice < 680) {
            int index = target.doubtful >= 0 ? target.doubtful : random.nextInt(12);
            int pattern = random.nextInt(Contents.CHUNKS);
            operate("blocks-put " + target.id, () -> faultsOf(target), () -> put(target, index, pattern), after);
        } else if (target.doubtful < 0) {
            operate("blocks-complete " + target.id, EnumSet.of(NOT_FOUND, CONFLICT), () -> complete(target), () -> {
                blockSnapshots.remove(target);
            });
        } else {
            after.run();
        }
    }

    private Set<Fault> faultsOf(BlockSnapshot target) {
        return isExpired(target) ? EnumSet.of(NOT_FOUND, CONFLICT, UNAVAILABLE) : EnumSet.of(UNAVAILABLE);
    }

    private boolean isExpired(BlockSnapshot target) {
        return !latest.isBefore(target.usedAt.plus(NewBlockSnapshot.TIMEOUT_DEFAULT));
    }

    private void beginBlocks() {
        if (snapshots.size() >= 3 * imagesWanted) {
            return;
        }
        Optional<Map.Entry<ImageId, KeptImage>> parent = random.nextBoolean() ? anyImage() : Optional.empty();
        Caller caller = parent.map(each -> each.getValue().owner).orElseGet(this::anyCaller);
        Content base = new Content(
                1L << 30, parent.map(each -> each.getValue().content.chunks()).orElseGet(TreeMap::new));
        operate("blocks-begin", EnumSet.of(NOT_FOUND, INVALID_REQUEST, CONFLICT), () -> {
            SnapshotId id = world.blockUploads
                    .start(
                            caller,
                            new NewBlockSnapshot(
                                    1,
                                    parent.map(each -> each.getValue().snapshot),
                                    "",
                                    Map.of(),
                                    NewBlockSnapshot.TIMEOUT_DEFAULT,
                                    SnapshotSettings.of(Encryption.Choice.PLAIN)),
                            each -> List.of())
                    .id();
            blockSnapshots.add(new BlockSnapshot(caller, id, base));
        });
    }

    /** The chunks of a block: one number says them all. */
    private int chunkOf(int pattern, int slot) {
        return slot > 2 ? 0 : (pattern + slot) % Contents.CHUNKS;
    }

    private byte[] block(int pattern) {
        byte[] block = new byte[BlockUploads.BLOCK_BYTES];
        for (int slot = 0; slot < PendingBlocks.CHUNKS_OF_BLOCK; slot++) {
            int number = chunkOf(pattern, slot);
            if (number > 0) {
                System.arraycopy(
                        contents.known(number).plain(), 0, block, slot * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES);
            }
        }
        return block;
    }

    private final Map<Integer, Digest> blockDigests = new ConcurrentHashMap<>();

    private Digest digestOf(int pattern) {
        return blockDigests.computeIfAbsent(pattern, each -> Digest.of(block(each)));
    }

    private void put(BlockSnapshot target, int index, int pattern) {
        target.doubtful = index;
        world.blockUploads
                .putBlock(target.caller, target.id, index, block(pattern), digestOf(pattern), Optional.empty())
                .join();
        target.written.put(index, pattern);
        target.doubtful = -1;
        target.usedAt = clock.instant();
    }

    private void complete(BlockSnapshot target) {
        MessageDigest linear = Digest.sha256();
        target.written.values().forEach(pattern -> linear.update(digestOf(pattern).toBytes()));
        BlockUploads.Outcome outcome = world.blockUploads
                .complete(
                        target.caller,
                        target.id,
                        target.written.size(),
                        Optional.of(Digest.read(linear.digest(), 0)))
                .join();
        if (outcome == BlockUploads.Outcome.COMPLETED) {
            TreeMap<Long, Integer> changes = new TreeMap<>();
            target.written.forEach((index, pattern) -> {
                for (int slot = 0; slot < PendingBlocks.CHUNKS_OF_BLOCK; slot++) {
                    changes.put((long) index * PendingBlocks.CHUNKS_OF_BLOCK + slot, chunkOf(pattern, slot));
                }
            });
            keep(target.caller, target.id, target.base.with(changes));
        } else if (!isExpired(target)) {
            throw new AssertionError("snapshot " + target.id + " has failed");
        }
    }

    // Volumes

    private void volume(int dice) {
        List<Disk> idle = volumes.stream().filter(each -> !each.isBusy).toList();
        if (idle.isEmpty() || volumes.size() < PENDING_WANTED && dice < 730) {
            beginVolume();
            return;
        }
        Disk volume = idle.get(random.nextInt(idle.size()));
        volume.isBusy = true;
        Runnable after = () -> volume.isBusy = false;
        if (dice < 735) {
            operate("volume-remove " + volume.id, EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                volume.isDoubtful = true;
                world.volumes.remove(volume.caller, volume.id);
                volumes.remove(volume);
            }, after);
        } else if (dice < 800) {
            long index = anyIndex(volume.synced);
            int number = anyChunk();
            boolean isDurable = random.nextInt(3) == 0;
            operate("volume-write " + volume.id, EnumSet.of(NOT_FOUND), () -> {
                write(volume, index, number, isDurable);
            }, after);
        } else if (dice < 825) {
            operate("volume-read " + volume.id, EnumSet.of(NOT_FOUND), () -> readSome(volume), after);
        } else if (snapshots.size() < 3 * imagesWanted) {
            operate("volume-snapshot " + volume.id, EnumSet.of(NOT_FOUND, CONFLICT), () -> snapshot(volume), after);
        } else {
            after.run();
        }
    }

    private void beginVolume() {
        Optional<Map.Entry<ImageId, KeptImage>> source = anyImage();
        if (volumes.size() >= PENDING_WANTED || source.isEmpty()) {
            return;
        }
        KeptImage image = source.get().getValue();
        if (image.content.sizeBytes() > VOLUME_BYTES_WANTED && random.nextInt(8) > 0) {
            return;
        }
        operate("volume-begin", EnumSet.of(NOT_FOUND, CONFLICT), () -> {
            VolumeId id = world.volumes
                    .create(image.owner, NewVolume.of(source.get().getKey().value()))
                    .id();
            volumes.add(new Disk(image.owner, id, image.content));
        });
    }

    private Volume connect(Disk volume) {
        return world.volumes.connect(world.volumes.read(volume.caller, volume.id));
    }

    private void write(Disk volume, long index, int number, boolean isDurable) {
        long offset = index * Chunk.SIZE_BYTES;
        boolean wasDoubtful = volume.isDoubtful;
        volume.isDoubtful = true;
        volume.unsynced.add(Map.entry(index, number));
        try (Volume connected = connect(volume)) {
            connected
                    .write(offset, Unpooled.directBuffer().writeBytes(contents.known(number).plain()), isDurable)
                    .join();
            if (isDurable && disk.isOpen()) {
                volume.sync();
            }
        } catch (RuntimeException e) {
            if (Fault.of(e) == SHUTTING_DOWN) {
                // Whether it was made is seen after the start.
                volume.isDoubtful = wasDoubtful;
            }
            throw e;
        }
        volume.isDoubtful = wasDoubtful;
    }

    private void readSome(Disk volume) {
        Content expected = volume.content();
        try (Volume connected = connect(volume)) {
            for (int i = 0; i < 6; i++) {
                long index = anyIndex(expected);
                int actual = read(volume, connected, index);
                if (!volume.isDoubtful && actual != expected.chunk(index)) {
                    throw new AssertionError("volume " + volume.id + " holds " + actual + " at chunk " + index
                            + ", not " + expected.chunk(index));
                }
            }
        }
    }

    private int read(Disk volume, Volume connected, long index) {
        ByteBuf bytes = connected.read(index * Chunk.SIZE_BYTES, Chunk.SIZE_BYTES).join();
        try {
            int number = bytes.getByte(0);
            if (!Arrays.equals(contents.known(number).plain(), ByteBufUtil.getBytes(bytes))) {
                throw new AssertionError("volume " + volume.id + " holds other bytes at chunk " + index);
            }
            return number;
        } finally {
            bytes.release();
        }
    }

    private Content read(Disk volume) {
        TreeMap<Long, Integer> chunks = new TreeMap<>();
        long sizeBytes = volume.synced.sizeBytes();
        try (Volume connected = connect(volume)) {
            for (long index = 0; index < Chunk.count(sizeBytes); index++) {
                int number = read(volume, connected, index);
                if (number != 0) {
                    chunks.put(index, number);
                }
            }
        }
        return new Content(sizeBytes, chunks);
    }

    private void snapshot(Disk volume) {
        Content content = volume.content();
        SnapshotId id = world.volumeSnapshots
                .start(volume.caller, volume.id, NewSnapshot.plain())
                .id();
        while (disk.isOpen() && isBeingMade(volume.caller, id)) {
            LockSupport.parkNanos(50_000);
        }
        if (isRecorded("snapshot/" + id) && disk.isOpen()) {
            volume.sync();
            if (!volume.isDoubtful) {
                keep(volume.caller, id, content);
            }
        }
    }

    private boolean isBeingMade(Caller caller, SnapshotId id) {
        disk.setWatched(true);
        try {
            return turns.quietly(() -> world.volumeSnapshots.find(caller, id))
                    .filter(found -> found.failure().isEmpty())
                    .isPresent();
        } catch (StoreException e) {
            return false;
        } finally {
            disk.setWatched(false);
        }
    }

    /** After a crash a volume holds what was written until some moment after its last sync. */
    private void resolveVolumes() {
        List<Disk> gone = new ArrayList<>();
        for (Disk volume : volumes) {
            if (world.volumes.find(volume.caller, volume.id).isEmpty()) {
                if (!volume.isDoubtful) {
                    throw new AssertionError("volume " + volume.id + " is gone");
                }
                gone.add(volume);
                continue;
            }
            Content actual = read(volume);
            boolean isExpected = volume.isDoubtful;
            for (int writes = 0; writes <= volume.unsynced.size(); writes++) {
                isExpected |= volume.contentAfter(writes).equals(actual);
            }
            if (!isExpected) {
                throw new AssertionError("volume " + volume.id + " holds " + actual.chunks()
                        + " after a crash, synced were " + volume.synced.chunks() + ", then " + volume.unsynced);
            }
            volume.unsynced.clear();
            volume.synced = actual;
            volume.isDoubtful = false;
        }
        volumes.removeAll(gone);
    }

    // The rest

    private void other(int dice) {
        if (dice < 870) {
            operate("sweep", EnumSet.noneOf(Fault.class), () -> {
                world.uploads.removeExpired();
                if (random.nextInt(4) == 0) {
                    world.images.removeExpired();
                }
                world.completed.removeExpired();
                world.volumes.removeExpired();
            });
        } else if (dice < 890) {
            Duration jump = Duration.ofMinutes(random.nextInt(6) == 0 ? 60 * random.nextInt(40) : random.nextInt(20));
            clock.forward(random.nextInt(10) == 0 ? jump.negated().dividedBy(4) : jump);
            latest = clock.instant().isAfter(latest) ? clock.instant() : latest;
            count("time-jump");
        } else if (dice < 893) {
            disk.endAfter(1 + random.nextInt(80));
            count("crash");
        } else if (dice < 895) {
            turns.finish();
            if (disk.isOpen()) {
                world.close();
                // Known: what an upload was told of before is not remembered, only what it has sent.
                disk.lost();
                count("restart");
                reopen();
            }
        } else if (dice < 905) {
            disk.setFailureRate(failureRate);
        } else if (dice < 915) {
            disk.setFailureRate(0);
        } else if (dice < 925) {
            anyImage().ifPresent(each -> operate("tree-open " + each.getKey(), EnumSet.of(NOT_FOUND, CONFLICT), () -> {
                openTree(each.getKey(), each.getValue());
            }));
        } else if (dice < 955) {
            pick(readings.stream().filter(each -> !each.isBusy).toList()).ifPresent(each -> {
                each.isBusy = true;
                operate("tree-read", EnumSet.noneOf(Fault.class), () -> readTree(each), () -> each.isBusy = false);
            });
        } else if (dice < 960) {
            pick(readings.stream().filter(each -> !each.isBusy).toList()).ifPresent(each -> {
                readings.remove(each);
                each.open.close();
                count("tree-close");
            });
        } else {
            collect();
        }
    }

    private void collect() {
        if (isCollecting) {
            return;
        }
        isCollecting = true;
        if (random.nextInt(GC_CRASHES) == 0) {
            disk.endAfter(1 + random.nextInt(300));
        }
        if (random.nextInt(4) == 0) {
            operate("gc-dry-run", EnumSet.noneOf(Fault.class), () -> {
                world.collector.dryRun();
            }, () -> isCollecting = false);
        } else {
            Collector.Mode mode = random.nextInt(3) == 0 ? Collector.Mode.ASKED : Collector.Mode.BACKGROUND;
            operate("gc", EnumSet.noneOf(Fault.class), () -> collect(mode), () -> isCollecting = false);
        }
    }

    private void collect(Collector.Mode mode) {
        GcStatus.Result result = world.collector.collect(mode, Budget.NONE);
        counts.merge("(pages marked)", result.pages(), Long::sum);
        counts.merge("(rows removed)", result.rowsRemoved(), Long::sum);
        counts.merge("(extents rewritten)", (long) result.extentsRewritten(), Long::sum);
    }

    /** Removes everything: then nothing is left once garbage has been collected. */
    private void drain() {
        disk.setFailureRate(0);
        disk.endAfter(Integer.MAX_VALUE);
        turns.finish();
        readings.forEach(each -> each.open.close());
        readings.clear();
        clock.forward(Duration.between(clock.instant(), latest).plus(Duration.ofDays(100)));
        world.uploads.endAll();
        blockSnapshots.forEach(each -> world.blockUploads.find(each.caller, each.id)
                .ifPresent(found -> world.blockUploads.forget(each.caller, each.id)));
        for (Caller caller : World.CALLERS) {
            world.blockUploads.list(caller).forEach(each -> world.blockUploads.forget(caller, each.id()));
            world.volumes.stream(caller, "").toList().forEach(each -> world.volumes.remove(caller, each.id()));
            world.images.list(caller, "", Integer.MAX_VALUE).stream()
                    .filter(each -> each.owner().equals(caller.account()))
                    .forEach(each -> world.images.remove(caller, each.id()));
        }
        clock.forward(Duration.ofDays(100));
        world.images.removeExpired();
        world.volumes.removeExpired();
        for (Caller caller : World.CALLERS) {
            world.completed.list(caller, "", Integer.MAX_VALUE).stream()
                    .filter(each -> each.owner().equals(caller.account()))
                    .forEach(each -> world.completed.remove(caller, each.id()));
        }
        clock.forward(Duration.ofDays(100));
        world.completed.removeExpired();
        for (String prefix : List.of("snapshot/", "volume/", "block-upload/", "upload/")) {
            List<String> left = world.storage.catalog().list(prefix, "", 10).stream()
                    .map(entry -> new String(entry.value(), StandardCharsets.UTF_8))
                    .toList();
            Invariants.require(left.isEmpty(), "records are left: " + left);
        }
        collect(Collector.Mode.ASKED);
        collect(Collector.Mode.ASKED);
        requireNoAlarm();
        disk.read(state -> {
            Invariants.require(state.rows.isEmpty(), state.rows.size() + " rows are left: " + state.rows);
            Set<Long> children = orphansIn(state);
            Invariants.require(children.isEmpty(), children.size() + " records of children are left");
            Invariants.require(state.items.isEmpty(), state.items.size() + " items are left: " + state.items.keySet());
            return null;
        });
    }

    private void requireNoAlarm() {
        world.collector.status(0).alarm().ifPresent(alarm -> {
            throw new AssertionError("an alarm: " + alarm);
        });
    }

    private void count(String what) {
        isBegun = true;
        counts.merge(what, 1L, Long::sum);
        note(what);
    }

    /** As whoever reads: first the tree, then once more its record. */
    private void openTree(ImageId id, KeptImage image) {
        cairn.server.image.Disk record = world.images.disk(image.owner, Right.READ, id.value());
        OpenTrees.Reading open = world.chunks.openTrees().open(record.domain(), record.root());
        try {
            world.images.disk(image.owner, Right.READ, id.value());
        } catch (RuntimeException e) {
            open.close();
            throw e;
        }
        readings.add(new Reading(open, record, image.content));
    }

    private void readTree(Reading reading) {
        StoredPages pages = new StoredPages(world.chunks, reading.record.domain());
        for (int i = 0; i < 4; i++) {
            long index = anyIndex(reading.content);
            PageId id = reading.record.root().top();
            int actual = 0;
            while (!id.isAbsent()) {
                Page page = pages.read(id);
                int slot = (int) (index >>> 8 * page.level()) & Page.CHILDREN - 1;
                if (page.level() > 0) {
                    id = page.page(slot);
                    continue;
                }
                if (!page.isAbsent(slot)) {
                    actual = numberOf(page, slot);
                    world.chunks.read(reading.record.domain(), ItemKey.of(page.chunk(slot)));
                }
                break;
            }
            Invariants.require(actual == reading.content.chunk(index), "a tree that is read has chunk " + actual
                    + " at " + index + ", not " + reading.content.chunk(index));
        }
    }

    // Checks

    private void checkQuietly() {
        if (disk.isOpen()) {
            now = "check";
            disk.setWatched(true);
            check();
            disk.setWatched(false);
        }
    }

    private void check() {
        counts.merge("check", 1L, Long::sum);
        Instant at = latest;
        Map<SnapshotId, Snapshot> there = new HashMap<>();
        world.completed.forEach(snapshot -> there.put(snapshot.id(), snapshot));
        snapshots.forEach((id, kept) -> {
            Snapshot actual = there.get(id);
            Invariants.require(actual != null || !kept.isWanted(at), "snapshot " + id + " is gone");
            Invariants.require(
                    actual == null || actual.root().equals(kept.root), "snapshot " + id + " has another root");
        });
        snapshots.keySet().removeIf(id -> !there.containsKey(id));
        requireNoAlarm();
        disk.read(state -> {
            Invariants invariants = new Invariants(state, contents);
            there.values().forEach(snapshot ->
                    invariants.requireTree(snapshot.domain(), snapshot.root(), "snapshot " + snapshot.id()));
            invariants.requireClosedIndex();
            return null;
        });
        for (ImageId id : List.copyOf(images.keySet())) {
            Invariants.require(isRecorded("image/" + id), "image " + id + " is gone");
        }
    }

    /** Looked at beneath the store: it proves an image's signature each time. */
    private boolean isRecorded(String key) {
        return disk.read(state -> state.records.containsKey(Catalog.bytesOf(key)));
    }

    /** Ends all that goes on, and its threads. */
    @Override
    public void close() {
        disk.cut();
        try {
            turns.finish();
        } finally {
            turns.close();
            world.close();
        }
    }

    /** Runs {@code --seeds A..B --ops N [--stop true]}, perhaps to the first that fails, and tells what was done. */
    public static void main(String[] arguments) {
        Map<String, String> said = new TreeMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            said.put(arguments[i], arguments[i + 1]);
        }
        String[] seeds = said.getOrDefault("--seeds", "1..10").split("\\.\\.");
        long wanted = Long.parseLong(said.getOrDefault("--ops", "10000"));
        Contents contents = new Contents();
        Map<String, Long> counts = new TreeMap<>();
        long failed = 0;
        boolean isEndingEarly = Boolean.parseBoolean(said.getOrDefault("--stop", "false"));
        long last = Long.parseLong(seeds[seeds.length - 1]);
        for (long seed = Long.parseLong(seeds[0]); seed <= last && !(isEndingEarly && failed > 0); seed++) {
            long since = System.nanoTime();
            try (Simulation simulation = new Simulation(seed, contents)) {
                try {
                    simulation.run(wanted);
                } finally {
                    simulation.counts().forEach((kind, count) -> counts.merge(kind, count, Long::sum));
                }
                System.out.println("seed " + seed + " held, " + (System.nanoTime() - since) / 1_000_000 + " ms");
            } catch (AssertionError e) {
                failed++;
                System.out.println(e.getMessage());
                Throwable cause = e;
                while (cause.getCause() != null) {
                    cause = cause.getCause();
                }
                cause.printStackTrace(System.out);
            }
        }
        long all = counts.entrySet().stream()
                .filter(each -> !each.getKey().startsWith("("))
                .mapToLong(Map.Entry::getValue)
                .sum();
        System.out.println(all + " operations, " + failed + " seeds failed: "
                + counts.entrySet().stream().map(Object::toString).collect(Collectors.joining(", ")));
        if (failed > 0) {
            System.exit(1);
        }
    }
}
