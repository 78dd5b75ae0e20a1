package cairn.server;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.NOT_FOUND;

import cairn.StoreException;
import cairn.api.GcMessages;
import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.chunk.Codec;
import cairn.client.ImageUploader;
import cairn.client.Retry;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.KillLedger.Deed;
import cairn.server.KillLedger.Kind;
import cairn.server.KillLedger.State;
import cairn.server.KillLedger.Thing;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ebs.EbsClient;

/**
 * Everything that a store can be asked for, by many at once, until it is killed: pushes of disks that change, snapshots
 * by EBS direct, writes over NBD with flushes and FUA, snapshots and images of volumes, reads, removals. What is
 * answered goes into the ledger. Disks are made of few different chunks, so that what is removed is soon wanted again.
 */
final class KillLoad {
    private static final int SECTORS_OF_CHUNK = Chunk.SIZE_BYTES / SeededDisk.SECTOR_BYTES;
    private static final int CHUNKS = SeededDisk.SECTORS / SECTORS_OF_CHUNK;
    private static final int SECTORS_OF_BLOCK = EbsWriter.BLOCK / SeededDisk.SECTOR_BYTES;
    private static final int BLOCKS = SeededDisk.SECTORS / SECTORS_OF_BLOCK;
    /** How many there are to choose from. */
    private static final int CHUNK_CONTENTS = 600;
    /** Sectors that are written over NBD are like no other. */
    private static final long SECTOR_CONTENTS = 1L << 40;
    private static final int FINISHED_MAX = 28;
    private static final int PENDING_MAX = 4;
    private static final int LONG_RUN_SECTORS = 300;
    private static final int SHORT_RUN_SECTORS = 12;
    /** Others work meanwhile. */
    private static final int PAUSE_MILLIS = 10;
    private static final int CHANGES_OF_VOLUME_MAX = 200;
    private static final int READ_BYTES = 1 << 20;
    private static final long EBS_DISK_BYTES = 1L << 30;

    private final ServerProcess server;
    private final StoreClient client;
    private final KillLedger ledger;
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean isEnding;

    private interface Work {
        void run(SplittableRandom random) throws Exception;
    }

    KillLoad(ServerProcess server, KillLedger ledger) throws IOException {
        this.server = server;
        this.client = server.connect();
        this.ledger = ledger;
    }

    /** Begins to do it all. */
    void start(SplittableRandom random) {
        repeat("push", random, this::push);
        repeat("push", random, this::push);
        repeat("ebs", random, this::writeByEbs);
        for (int n = 0; n < 2; n++) {
            int owner = n;
            repeat("nbd", random, own -> useVolume(own, owner));
        }
        repeat("remove", random, this::remove);
        repeat("read", random, this::read);
        repeat("gc", random, this::collect);
    }

    /** Does some of each, one after the other. */
    void once(SplittableRandom random) throws Exception {
        push(random);
        try (EbsClient ebs = ebs()) {
            startPending(ebs, random);
            writePending(new EbsWriter(ebs), pending().get(0), random);
        }
        useVolume(random, 0);
        for (Thing thing : ledger.finished()) {
            if (random.nextInt(3) == 0) {
                remove(thing);
            }
        }
        Garbage.collect(client);
        push(random);
    }

    private void repeat(String name, SplittableRandom random, Work work) {
        SplittableRandom own = random.split();
        Thread thread = new Thread(() -> repeat(own, work), name);
        threads.add(thread);
        thread.start();
    }

    private void repeat(SplittableRandom random, Work work) {
        try {
            while (!isEnding) {
                work.run(random);
            }
        } catch (AssertionError e) {
            failures.add(e);
        } catch (Exception e) {
            // A server that has been killed answers nobody, and each client says so in its own way.
            if (!isEnding) {
                failures.add(e);
            }
        }
    }

    /** From now on the server may be killed, and who is refused an answer is not surprised. */
    void expectKill() {
        isEnding = true;
    }

    boolean hasFailed() {
        return !failures.isEmpty();
    }

    /** Waits until everybody has noticed. @throws AssertionError for what should not have happened while it lived */
    void join() throws InterruptedException {
        isEnding = true;
        for (Thread thread : threads) {
            thread.join();
        }
        if (hasFailed()) {
            AssertionError all = new AssertionError("while the server lived: " + failures.peek(), failures.poll());
            failures.forEach(all::addSuppressed);
            throw all;
        }
    }

    private SeededDisk someDisk(SplittableRandom random) {
        return ledger.any(random, ledger.finished())
                .map(thing -> thing.disk().ofSize(SeededDisk.USED_BYTES))
                .orElseGet(() -> SeededDisk.zeros(SeededDisk.USED_BYTES));
    }

    /** Another disk, a few chunks of which are others. */
    private static SeededDisk changed(SeededDisk disk, SplittableRandom random) {
        SeededDisk now = disk;
        int count = 1 + random.nextInt(CHUNKS / 4);
        for (int n = 0; n < count; n++) {
            now = now.with(random.nextInt(CHUNKS) * SECTORS_OF_CHUNK, someChunks(random, 1));
        }
        return now;
    }

    private static long[] someChunks(SplittableRandom random, int count) {
        long[] seeds = new long[count * SECTORS_OF_CHUNK];
        for (int n = 0; n < count; n++) {
            long content = random.nextInt(CHUNK_CONTENTS);
            for (int i = 0; i < SECTORS_OF_CHUNK; i++) {
                seeds[n * SECTORS_OF_CHUNK + i] = content == 0 ? 0 : content * SECTORS_OF_CHUNK + i;
            }
        }
        return seeds;
    }

    private void push(SplittableRandom random) {
        push(changed(someDisk(random), random));
    }

    void push(SeededDisk disk) {
        Thing thing = ledger.ask(Kind.IMAGE, disk, 0);
        Messages.Image image = new ImageUploader(client, new ImageUploader.Settings(2, Codec.LZ4, Retry.never()))
                .upload(thing.disk(), NewImage.of(new ImageName(thing.name)), TransferProgress.none())
                .image();
        thing.snapshot = image.snapshot();
        thing.there(image.id());
        ledger.done(Deed.PUSH);
    }

    private void writeByEbs(SplittableRandom random) throws IOException {
        try (EbsClient ebs = ebs()) {
            while (!isEnding) {
                List<Thing> begun = pending();
                if (begun.isEmpty() || begun.size() < PENDING_MAX && random.nextInt(4) == 0) {
                    startPending(ebs, random);
                } else if (begun.size() == PENDING_MAX && random.nextInt(4) == 0) {
                    removePending(begun.get(0));
                } else {
                    writePending(new EbsWriter(ebs), begun.get(random.nextInt(begun.size())), random);
                }
            }
        }
    }

    private EbsClient ebs() throws IOException {
        return new AwsUser(
                        server.http(),
                        CredentialsFile.read(server.credentials(), CredentialsFile.DEFAULT_PROFILE),
                        Region.LOCAL)
                .ebs();
    }

    private List<Thing> pending() {
        return ledger.list(thing -> thing.kind == Kind.PENDING && thing.is(State.THERE));
    }

    private void startPending(EbsClient ebs, SplittableRandom random) {
        Optional<Thing> parent = random.nextBoolean()
                ? Optional.empty()
                : ledger.any(random, ledger.list(thing -> thing.kind == Kind.SNAPSHOT && thing.is(State.THERE)));
        SeededDisk base = parent.map(Thing::disk).orElseGet(() -> SeededDisk.zeros(EBS_DISK_BYTES)).ofSize(EBS_DISK_BYTES);
        Thing thing = ledger.ask(Kind.PENDING, base, 0);
        try {
            String id = ebs.startSnapshot(request -> {
                        request.volumeSize(1L).description(thing.name);
                        parent.ifPresent(each -> request.parentSnapshotId(each.id));
                    })
                    .snapshotId();
            thing.there(id);
            ledger.done(Deed.EBS_START);
        } catch (SdkException e) {
            if (isEnding || parent.isEmpty() || parent.get().is(State.THERE)) {
                throw e;
            }
            ledger.gone(thing);
        }
    }

    private void writePending(EbsWriter ebs, Thing thing, SplittableRandom random) {
        if (thing.perhaps != null) {
            // It was under way when the server was killed, so it may be there: now it will be.
            putBlock(ebs, thing, thing.blockUnderWay);
        }
        int count = random.nextInt(BLOCKS);
        for (int n = 0; n < count && !isEnding; n++) {
            int block = random.nextInt(BLOCKS);
            thing.blockUnderWay = block;
            thing.blocks.add(block);
            thing.changing(thing.disk().with(block * SECTORS_OF_BLOCK, someChunks(random, CHUNKS / BLOCKS)));
            putBlock(ebs, thing, block);
        }
        if (random.nextBoolean() && !isEnding) {
            thing.isCompleting = true;
            ebs.complete(thing.id, thing.blocks.size());
            await(thing);
            ledger.done(Deed.EBS_COMPLETE);
        }
    }

    private void putBlock(EbsWriter ebs, Thing thing, int block) {
        byte[] bytes = new byte[EbsWriter.BLOCK];
        thing.perhaps.read((long) block * EbsWriter.BLOCK, bytes, 0, bytes.length);
        ebs.put(thing.id, block, bytes);
        thing.changed();
        ledger.done(Deed.EBS_BLOCK);
    }

    /** Until a snapshot is there that the server was told is complete. */
    private void await(Thing thing) {
        while (!client.snapshot(new SnapshotId(thing.id)).state().equals(Messages.Snapshot.COMPLETED)) {
            Thread.onSpinWait();
        }
        synchronized (thing) {
            thing.kind = Kind.SNAPSHOT;
            thing.isCompleting = false;
        }
    }

    void removePending(Thing thing) {
        thing.become(State.THERE, State.LEAVING);
        client.removeSnapshot(new SnapshotId(thing.id));
        ledger.gone(thing);
        ledger.done(Deed.REMOVE_PENDING);
    }

    /** Writes to a volume that was there before, or a new one, and makes snapshots and images of it. */
    private void useVolume(SplittableRandom random, int owner) throws IOException {
        Optional<Thing> volume = ledger.list(
                        thing -> thing.kind == Kind.VOLUME && thing.owner == owner && thing.is(State.THERE))
                .stream()
                .findFirst()
                .or(() -> createVolume(random, owner));
        if (volume.isEmpty()) {
            return;
        }
        Optional<Thing> making = Optional.empty();
        try (NbdDisk disk = NbdDisk.open(URI.create(server.socketUri(volume.get().id)))) {
            int count = random.nextInt(CHANGES_OF_VOLUME_MAX);
            for (int n = 0; n < count && !isEnding; n++) {
                change(disk, volume.get(), random);
                if (making.isPresent() && n % 8 == 0 && isMade(making.get())) {
                    making = Optional.empty();
                }
                if (making.isEmpty() && random.nextInt(40) == 0) {
                    making = Optional.of(startSnapshot(volume.get(), random.nextInt(3) == 0));
                }
            }
        }
        while (making.isPresent() && !isEnding && !isMade(making.get())) {
            Thread.onSpinWait();
        }
        if (random.nextInt(3) == 0 && !isEnding) {
            removeVolume(volume.get());
        }
    }

    private Optional<Thing> createVolume(SplittableRandom random, int owner) {
        Optional<Thing> source = random.nextInt(4) == 0 ? Optional.empty() : ledger.any(random, ledger.finished());
        SeededDisk disk = source.map(Thing::disk).orElseGet(() -> SeededDisk.zeros(SeededDisk.USED_BYTES));
        Thing volume = ledger.ask(Kind.VOLUME, disk, owner);
        try {
            volume.there(client.createVolume(new Messages.CreateVolume(
                            source.map(thing -> thing.id).orElse(null),
                            disk.sizeBytes(),
                            false,
                            false,
                            Map.of("name", volume.name)))
                    .id());
            ledger.done(Deed.VOLUME);
            return Optional.of(volume);
        } catch (StoreException e) {
            if (e.fault() != NOT_FOUND || source.isEmpty() || source.get().is(State.THERE)) {
                throw e;
            }
            ledger.gone(volume);
            return Optional.empty();
        }
    }

    private void change(NbdDisk disk, Thing volume, SplittableRandom random) throws IOException {
        int choice = random.nextInt(20);
        if (choice < 2) {
            disk.flush();
            ledger.done(Deed.FLUSH);
            return;
        }
        int count = 1 + random.nextInt(choice < 5 ? LONG_RUN_SECTORS : SHORT_RUN_SECTORS);
        int first = random.nextInt(SeededDisk.SECTORS - count);
        boolean isDurable = random.nextInt(8) == 0;
        boolean isZeros = choice == 19;
        long[] seeds = isZeros
                ? new long[count]
                : random.longs(count, SECTOR_CONTENTS, Long.MAX_VALUE).toArray();
        volume.changing(volume.disk().with(first, seeds));
        long offset = (long) first * SeededDisk.SECTOR_BYTES;
        if (isZeros) {
            disk.zero(offset, count * SeededDisk.SECTOR_BYTES, random.nextBoolean(), isDurable);
        } else {
            disk.write(offset, SeededDisk.bytesOf(seeds), isDurable);
        }
        volume.changed();
        ledger.done(isZeros ? Deed.WRITE_ZEROES : isDurable ? Deed.WRITE_FUA : Deed.WRITE);
    }

    private Thing startSnapshot(Thing volume, boolean isImage) {
        Thing thing = ledger.ask(isImage ? Kind.IMAGE : Kind.SNAPSHOT, volume.disk(), volume.owner);
        VolumeId id = new VolumeId(volume.id);
        Messages.Snapshot started = isImage
                ? client.startImage(id, new Messages.CreateImage(thing.name, "", "x86_64", null, null))
                : client.startSnapshot(id, new Messages.CreateSnapshot(thing.name, null));
        synchronized (thing) {
            thing.snapshot = isImage ? started.id() : null;
            thing.id = isImage ? null : started.id();
        }
        return thing;
    }

    private boolean isMade(Thing thing) {
        boolean isImage = thing.kind == Kind.IMAGE;
        Messages.Snapshot now = client.snapshot(new SnapshotId(isImage ? thing.snapshot : thing.id));
        if (now.state().equals(Messages.Snapshot.ERROR)) {
            throw new AssertionError(thing + " could not be made: " + now.failure());
        }
        boolean isMade = now.state().equals(Messages.Snapshot.COMPLETED);
        if (isMade) {
            thing.there(isImage ? now.image() : thing.id);
            ledger.done(isImage ? Deed.VOLUME_IMAGE : Deed.VOLUME_SNAPSHOT);
        }
        return isMade;
    }

    void removeVolume(Thing volume) {
        volume.become(State.THERE, State.LEAVING);
        try {
            client.removeVolume(new VolumeId(volume.id));
            ledger.gone(volume);
            ledger.done(Deed.REMOVE_VOLUME);
        } catch (StoreException e) {
            if (e.fault() != CONFLICT) {
                throw e;
            }
            // The server has not noticed yet that the last client has left.
            volume.become(State.LEAVING, State.THERE);
        }
    }

    private void remove(SplittableRandom random) throws InterruptedException {
        Thread.sleep(PAUSE_MILLIS);
        List<Thing> finished = ledger.finished();
        if (finished.size() <= FINISHED_MAX && random.nextInt(10) != 0) {
            return;
        }
        ledger.any(random, finished).ifPresent(this::remove);
    }

    void remove(Thing thing) {
        if (!thing.become(State.THERE, State.LEAVING)) {
            return;
        }
        if (thing.kind == Kind.IMAGE) {
            client.removeImage(new ImageId(thing.id));
        } else {
            client.removeSnapshot(new SnapshotId(thing.id));
        }
        ledger.gone(thing);
        ledger.done(thing.kind == Kind.IMAGE ? Deed.REMOVE_IMAGE : Deed.REMOVE_SNAPSHOT);
    }

    /** Without those uploads that are under way. */
    private void collect(SplittableRandom random) throws InterruptedException {
        long run = client.gc(new GcMessages.Act(GcMessages.RUN, false)).run();
        GcMessages.Status now = client.gc();
        while (now.runs() < run && !isEnding) {
            Garbage.requireNoAlarm(now);
            Thread.sleep(PAUSE_MILLIS);
            now = client.gc();
        }
        Garbage.requireNoAlarm(now);
        if (now.runs() >= run && (now.last().error() != null || now.last().extentsFailed() > 0)) {
            throw new AssertionError("garbage was not collected: " + now.last());
        }
        ledger.done(Deed.GC_RUN);
    }

    /** What has been opened can be read to its end, though it is removed meanwhile. */
    private void read(SplittableRandom random) throws IOException, InterruptedException {
        Thread.sleep(PAUSE_MILLIS);
        Optional<Thing> thing = ledger.any(random, ledger.finished());
        if (thing.isEmpty()) {
            return;
        }
        NbdDisk disk;
        try {
            disk = NbdDisk.open(URI.create(server.socketUri(thing.get().id)));
        } catch (IOException e) {
            if (thing.get().is(State.THERE)) {
                throw e;
            }
            return;
        }
        try (disk) {
            compare(disk, thing.get());
        }
        ledger.done(Deed.READ);
    }

    /** @throws AssertionError if it is not, bit for bit, what was acknowledged */
    static void compare(NbdDisk disk, Thing thing) throws IOException {
        SeededDisk expected = thing.disk();
        if (disk.sizeBytes() != expected.sizeBytes()) {
            throw new AssertionError(thing + " has " + disk.sizeBytes() + " bytes, not " + expected.sizeBytes());
        }
        for (int at = 0; at < SeededDisk.USED_BYTES; at += READ_BYTES) {
            byte[] found = disk.read(at, READ_BYTES);
            int first = at / SeededDisk.SECTOR_BYTES;
            SeededDisk perhaps;
            synchronized (thing) {
                perhaps = thing.perhaps;
            }
            if (perhaps != null) {
                expected = expected.takingFrom(perhaps, first, found);
            }
            Optional<Integer> different = expected.firstDifferent(first, found);
            if (different.isPresent()) {
                throw new AssertionError(thing + " differs in sector " + different.get());
            }
        }
        synchronized (thing) {
            thing.disk = expected;
            thing.perhaps = null;
        }
    }

    /** @throws AssertionError likewise, or if it can not be opened */
    static void compare(ServerProcess server, Thing thing) {
        try (NbdDisk disk = NbdDisk.open(URI.create(server.socketUri(thing.id)))) {
            compare(disk, thing);
        } catch (IOException e) {
            throw new AssertionError(thing + " can not be read: " + e.getMessage(), e);
        }
    }
}
