package cairn.server.image;

import static cairn.server.image.VolumeWorld.MIB;
import static cairn.server.image.VolumeWorld.ROOT;
import static cairn.server.image.VolumeWorld.THEM;
import static cairn.server.image.VolumeWorld.US;
import static cairn.server.image.VolumeWorld.assertFault;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.chunk.Chunk;
import cairn.Fault;
import cairn.image.Architecture;
import cairn.image.DerivedImage;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewSnapshot;
import cairn.image.NewVolume;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.Sharing;
import cairn.server.image.ImageRegistry.Ancestor;
import cairn.server.storage.ItemKey;
import cairn.server.storage.TestDisk;
import cairn.StoreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VolumeSnapshotsTest {
    private static final int SECONDS_MAX = 60;
    private static final NewSnapshot PLAIN = NewSnapshot.plain();

    private final VolumeWorld world = new VolumeWorld();
    private final VolumeRegistry registry = world.registry;
    private final VolumeSnapshots snapshots = world.snapshots;
    private final TestDisk disk = TestDisk.random(1, 40 * MIB);
    private final RegisteredImage image = world.push(US, disk, "debian");
    private final VolumeId volume = registry.create(US, NewVolume.of(image.id().value())).id();

    @AfterEach
    void close() {
        world.close();
    }

    private SnapshotId make() {
        SnapshotId id = snapshots.start(US, volume, PLAIN).id();
        awaitAll();
        return id;
    }

    private void awaitAll() {
        assertTrue(snapshots.awaitNonePending(SECONDS_MAX));
    }

    private static byte[] noise(long seed, int sizeBytes) {
        byte[] bytes = new byte[sizeBytes];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    @Test
    void aSnapshotIsWhatTheVolumeWasAndTheVolumeGoesOnOverIt() {
        byte[] expected = disk.bytes();
        System.arraycopy(noise(1, 5000), 0, expected, 100_000, 5000);
        world.write(volume, 100_000, noise(1, 5000));

        SnapshotId id = snapshots.start(US, volume, new NewSnapshot("before", Map.of("a", "b"))).id();
        awaitAll();

        Snapshot snapshot = world.completed.read(US, Right.SEE, id);
        assertArrayEquals(expected, world.read(world.images.disk(US, Right.READ, id.value())));
        assertEquals(Optional.of(image.manifest().root().snapshot()), snapshot.parent());
        assertEquals(Optional.of(volume), snapshot.volume());
        assertEquals("before", snapshot.description());
        assertEquals(Map.of("a", "b"), snapshot.tags());
        assertEquals(Optional.empty(), snapshots.find(US, id), "it is completed");
        RegisteredVolume after = registry.read(US, volume);
        assertEquals(snapshot.root(), after.state().base());
        assertEquals(1, after.state().firstLayer());
        assertEquals(Optional.of(id), after.snapshot());
        assertEquals(Optional.of(image.id()), after.image());
        assertEquals(0, registry.dirtyBytes(volume));
        assertEquals(0, world.storage.volumeBlocks().storedBytes());
        assertArrayEquals(expected, world.read(volume, 0, expected.length));
    }

    @Test
    void severalSnapshotsInARowShareAllThatDidNotChange() {
        SnapshotId last = image.manifest().root().snapshot();
        for (int n = 0; n < 5; n++) {
            long chunks = world.storage.index().count(ItemKey.CHUNK_KIND);
            long pages = pages();
            world.write(volume, n * 7L * MIB, noise(n, Chunk.SIZE_BYTES));

            SnapshotId id = make();

            assertEquals(chunks + 1, world.storage.index().count(ItemKey.CHUNK_KIND));
            assertEquals(pages + 2, pages(), "one page of level 0, and the one above");
            assertEquals(Optional.of(last), world.completed.read(US, Right.SEE, id).parent());
            last = id;
        }
    }

    private long pages() {
        return world.storage.index().count(ItemKey.CHUNK_KIND + 1)
                + world.storage.index().count(ItemKey.CHUNK_KIND + 2);
    }

    @Test
    void aSnapshotOfAVolumeThatDidNotChangeIsWhatItBeganAs() {
        SnapshotId id = make();

        assertEquals(
                image.manifest().root().root(), world.completed.read(US, Right.SEE, id).root().digest());
    }

    @Test
    void isPendingForItsOwnerUntilItIsCommitted() {
        world.write(volume, 0, noise(1, Chunk.SIZE_BYTES));
        world.catalog.hold();

        SnapshotInProgress started = snapshots.start(US, volume, PLAIN);

        assertEquals(Chunk.SIZE_BYTES, started.changedBytes());
        assertEquals(Optional.empty(), started.failure());
        assertEquals(started.id(), snapshots.find(US, started.id()).orElseThrow().id());
        assertEquals(1, snapshots.list(ROOT).size());
        assertEquals(Optional.empty(), snapshots.find(THEM, started.id()));
        assertEquals(List.of(), snapshots.list(THEM));
        assertFault(Fault.NOT_FOUND, () -> world.completed.read(US, Right.SEE, started.id()));
        assertFault(Fault.CONFLICT, () -> snapshots.forget(US, started.id()));
        assertFault(Fault.CONFLICT, () -> registry.remove(US, volume));

        world.catalog.letGo();
        awaitAll();
        assertEquals(List.of(), snapshots.list(ROOT));
        assertEquals(started.id(), world.completed.read(US, Right.SEE, started.id()).id());
    }

    @Test
    void showsTheMomentAtWhichItWasAskedForWhileWritersGoOn() {
        world.write(volume, 0, noise(1, 4096));
        world.catalog.hold();

        SnapshotId id = snapshots.start(US, volume, PLAIN).id();
        world.write(volume, 0, noise(2, 4096));
        world.catalog.letGo();
        awaitAll();

        byte[] expected = disk.bytes();
        System.arraycopy(noise(1, 4096), 0, expected, 0, 4096);
        assertArrayEquals(expected, world.read(world.images.disk(US, Right.READ, id.value())));
        assertArrayEquals(noise(2, 4096), world.read(volume, 0, 4096));
        assertEquals(4096, registry.dirtyBytes(volume));
    }

    @Test
    void othersOfTheSameVolumeWaitAndAreMadeInTheirOrder() {
        world.catalog.hold();
        List<SnapshotId> ids = new ArrayList<>();
        for (int n = 0; n < VolumeSnapshots.OF_VOLUME_MAX; n++) {
            ids.add(snapshots.start(US, volume, PLAIN).id());
        }

        StoreException refused =
                assertThrows(StoreException.class, () -> snapshots.start(US, volume, PLAIN));
        assertEquals(Fault.CONFLICT, refused.fault());
        world.write(volume, 0, noise(3, 4096));
        world.catalog.letGo();
        awaitAll();

        SnapshotId parent = image.manifest().root().snapshot();
        for (SnapshotId id : ids) {
            assertEquals(Optional.of(parent), world.completed.read(US, Right.SEE, id).parent());
            parent = id;
        }
        assertArrayEquals(disk.bytes(), world.read(world.images.disk(US, Right.READ, ids.get(0).value())));
        byte[] later = world.read(world.images.disk(US, Right.READ, ids.get(1).value()));
        assertArrayEquals(noise(3, 4096), Arrays.copyOf(later, 4096), "it waited, and shows what came meanwhile");
    }

    @Test
    void oneThatWaitsForAMakerHasItsVolumeAndItsMomentAlready() throws InterruptedException {
        VolumeId second = registry.create(US, NewVolume.of(image.id().value())).id();
        VolumeId third = registry.create(US, NewVolume.of(image.id().value())).id();
        world.write(volume, 0, noise(1, 4096));
        world.catalog.hold();
        SnapshotId earlier = snapshots.start(US, volume, PLAIN).id();
        SnapshotId waiting = snapshots.start(US, volume, PLAIN).id();
        // Two are made at a time: when the first is done these have both makers.
        snapshots.start(US, second, PLAIN);
        snapshots.start(US, third, PLAIN);
        world.catalog.letGo("volume/" + volume);
        awaitEnd(earlier);

        assertFault(Fault.CONFLICT, () -> registry.remove(US, volume));
        world.write(volume, 0, noise(2, 4096));
        world.catalog.letGo();
        awaitAll();

        byte[] shown = world.read(world.images.disk(US, Right.READ, waiting.value()));
        assertArrayEquals(noise(1, 4096), Arrays.copyOf(shown, 4096));
        assertArrayEquals(noise(2, 4096), world.read(volume, 0, 4096));
        registry.remove(US, volume);
    }

    private void awaitEnd(SnapshotId id) throws InterruptedException {
        synchronized (snapshots) {
            while (snapshots.find(US, id).isPresent()) {
                snapshots.wait();
            }
        }
    }

    @Test
    void aFailureIsToldAndLosesNothing() {
        world.write(volume, 0, noise(1, 4096));
        world.catalog.fail(new StoreException(Fault.NO_SPACE, "the disk is full"));

        SnapshotId id = make();

        assertEquals(Optional.of("the disk is full"), snapshots.find(US, id).orElseThrow().failure());
        assertFault(Fault.NOT_FOUND, () -> world.completed.read(US, Right.SEE, id));
        assertEquals(0, registry.read(US, volume).state().firstLayer());
        world.catalog.fail(null);
        world.write(volume, 4096, noise(2, 4096));
        SnapshotId next = make();
        byte[] expected = disk.bytes();
        System.arraycopy(noise(1, 4096), 0, expected, 0, 4096);
        System.arraycopy(noise(2, 4096), 0, expected, 4096, 4096);
        assertArrayEquals(expected, world.read(world.images.disk(US, Right.READ, next.value())));
        assertFalse(snapshots.forget(THEM, id));
        assertTrue(snapshots.forget(US, id));
        assertFalse(snapshots.forget(US, id));
        assertEquals(List.of(), snapshots.list(US));
    }

    @Test
    void aServerThatEndsGivesUpWhatWaitsAndLosesNothing() {
        world.write(volume, 0, noise(1, 4096));
        world.catalog.hold();
        SnapshotId first = snapshots.start(US, volume, PLAIN).id();
        SnapshotId second = snapshots.start(US, volume, PLAIN).id();
        Thread closing = new Thread(snapshots::close);
        closing.start();
        world.catalog.letGo();
        awaitAll();

        assertTrue(snapshots.find(US, second).isPresent()
                || world.completed.read(US, Right.SEE, second).id().equals(second), "it was given up, or made before that");
        assertFault(Fault.SHUTTING_DOWN, () -> {
            closing.join();
            snapshots.start(US, volume, PLAIN);
        });
        assertArrayEquals(noise(1, 4096), world.read(volume, 0, 4096));
        assertFalse(first.equals(second));
    }

    @Test
    void anImageOfAVolumeHasTheVolumesImageAsItsParent() {
        world.write(volume, 0, noise(1, 4096));

        RegisteredImage web = makeImage("web");
        RegisteredImage later = makeImage("web 2");

        assertEquals(Optional.of(image.id()), web.manifest().parent());
        assertEquals(Optional.of(web.id()), later.manifest().parent());
        assertEquals(Optional.of(web.manifest().root().snapshot()),
                world.completed.read(US, Right.SEE, later.manifest().root().snapshot()).parent());
        assertEquals(
                List.of(
                        new Ancestor(web.id(), Optional.of(new ImageName("web"))),
                        new Ancestor(image.id(), Optional.of(new ImageName("debian")))),
                world.images.lineage(US, later));
        world.images.remove(US, web.id());
        assertEquals(List.of(new Ancestor(web.id(), Optional.empty())), world.images.lineage(US, later));
        assertEquals(List.of(), world.images.lineage(US, image));
    }

    private RegisteredImage makeImage(String name) {
        SnapshotId id = snapshots.startImage(US, volume, DerivedImage.of(new ImageName(name))).id();
        awaitAll();
        ImageId made = world.completed.imagesOf(id).get(0);
        return world.images.read(US, made);
    }

    @Test
    void whatIsWrittenToAVolumeOfAnothersImageIsStoredAmongItsOwnersAndNotTheirs() {
        world.images.change(US, image.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        VolumeId theirs = registry.create(THEM, NewVolume.of(image.id().value())).id();
        assertEquals(US.domain(), registry.read(THEM, theirs).state().domain(), "nothing was written yet");
        byte[] secret = noise(1, Chunk.SIZE_BYTES);
        world.write(theirs, 3 * Chunk.SIZE_BYTES, secret);
        Set<ItemKey> ours = world.itemsOf(US.domain());

        SnapshotId id = snapshots.start(THEM, theirs, PLAIN).id();
        awaitAll();

        assertEquals(ours, world.itemsOf(US.domain()), "who shares learns nothing");
        Snapshot made = world.completed.read(THEM, Right.SEE, id);
        assertEquals(THEM.domain(), made.domain());
        assertEquals(made.root(), registry.read(THEM, theirs).state().base());
        assertEquals(THEM.domain(), registry.read(THEM, theirs).state().domain());
        assertTrue(world.chunks.isReadable(THEM.domain(), ItemKey.of(Chunk.idOf(secret, 0))));
        assertFalse(world.chunks.isReadable(US.domain(), ItemKey.of(Chunk.idOf(secret, 0))));
        assertFault(Fault.NOT_FOUND, () -> world.completed.read(US, Right.SEE, id));
        byte[] expected = disk.bytes();
        System.arraycopy(secret, 0, expected, 3 * Chunk.SIZE_BYTES, secret.length);
        // Also once what it was made from is gone, and after the server has started again.
        world.images.remove(US, image.id());
        assertArrayEquals(expected, world.read(world.images.disk(THEM, Right.READ, id.value())));
        assertArrayEquals(expected, world.read(theirs, 0, expected.length));
        SnapshotId next = snapshots.start(THEM, theirs, PLAIN).id();
        awaitAll();
        assertEquals(made.root(), world.completed.read(THEM, Right.SEE, next).root());
        assertEquals(ours, world.itemsOf(US.domain()));
    }

    @Test
    void clientsGoOnWhileTheirVolumeMovesToItsOwnersDomain() {
        world.images.change(US, image.id(), each -> each.with(new Sharing(true, Set.of())));
        VolumeId theirs = registry.create(THEM, NewVolume.of(image.id().value())).id();
        byte[] expected = disk.bytes();
        AtomicBoolean isOver = new AtomicBoolean();
        CompletableFuture<Void> using = CompletableFuture.runAsync(() -> {
            Random random = new Random(5);
            while (!isOver.get()) {
                int at = random.nextInt(expected.length - 5000);
                byte[] written = noise(random.nextLong(), 1 + random.nextInt(5000));
                world.write(theirs, at, written);
                System.arraycopy(written, 0, expected, at, written.length);
                int from = random.nextInt(expected.length - 100_000);
                assertArrayEquals(
                        Arrays.copyOfRange(expected, from, from + 100_000), world.read(theirs, from, 100_000));
            }
        });

        for (int n = 0; n < 5; n++) {
            snapshots.start(THEM, theirs, PLAIN);
            awaitAll();
        }
        isOver.set(true);
        using.join();

        assertArrayEquals(expected, world.read(theirs, 0, expected.length));
        assertEquals(THEM.domain(), registry.read(THEM, theirs).state().domain());
        assertEquals(5, world.completed.list(THEM, "", 10).size());
    }

    @Test
    void aSnapshotThatRootTakesLiesInTheDomainOfTheVolumesOwner() {
        world.images.change(US, image.id(), each -> each.with(new Sharing(true, Set.of())));
        VolumeId theirs = registry.create(THEM, NewVolume.of(image.id().value())).id();
        world.write(theirs, 0, noise(1, Chunk.SIZE_BYTES));

        SnapshotId roots = snapshots.start(ROOT, theirs, PLAIN).id();
        awaitAll();

        Snapshot made = world.completed.read(ROOT, Right.SEE, roots);
        assertEquals(ROOT.account(), made.owner());
        assertEquals(THEM.domain(), made.domain());
        assertEquals(THEM.domain(), registry.read(THEM, theirs).state().domain());
        assertEquals(Optional.of(image.manifest().root().snapshot()), registry.read(THEM, theirs).snapshot());
        assertEquals(Set.of(), world.itemsOf(ROOT.domain()));
    }

    @Test
    void whatRootMakesOfAVolumeIsNotWhatItsOwnerGoesOnFrom() {
        world.write(volume, 0, noise(1, 4096));

        SnapshotId roots = snapshots.startImage(ROOT, volume, DerivedImage.of(new ImageName("copy"))).id();
        awaitAll();
        RegisteredImage web = makeImage("web");

        assertEquals(ROOT.account(), world.completed.read(ROOT, Right.SEE, roots).owner());
        assertEquals(0, registry.dirtyBytes(volume), "it goes on over root's tree");
        assertEquals(Optional.of(image.id()), web.manifest().parent());
        assertEquals(Optional.of(image.manifest().root().snapshot()),
                world.completed.read(US, Right.SEE, web.manifest().root().snapshot()).parent());
        assertEquals(Optional.of(web.id()), registry.read(US, volume).image());
    }

    @Test
    void aNameThatIsTakenIsToldAtOnce() {
        assertFault(Fault.CONFLICT, () -> snapshots.startImage(US, volume, DerivedImage.of(new ImageName("debian"))));
        world.catalog.hold();
        snapshots.startImage(US, volume, DerivedImage.of(new ImageName("web")));

        StoreException refused = assertThrows(
                StoreException.class, () -> snapshots.startImage(US, volume, DerivedImage.of(new ImageName("web"))));

        assertEquals(Fault.CONFLICT, refused.fault());
        assertTrue(refused.getMessage().contains("\"web\" is being made already"), refused.getMessage());
        assertEquals(1, snapshots.list(US).size());
    }

    @Test
    void anArchitectureThatIsNotKnownAnyMoreHasToBeGiven() {
        world.images.remove(US, image.id());

        StoreException refused = assertThrows(
                StoreException.class, () -> snapshots.startImage(US, volume, DerivedImage.of(new ImageName("web"))));
        assertEquals(Fault.INVALID_REQUEST, refused.fault());
        assertTrue(refused.getMessage().contains("architecture"), refused.getMessage());
        SnapshotId id = snapshots.startImage(
                        US,
                        volume,
                        new DerivedImage(
                                new ImageName("web"), "", Optional.of(Architecture.ARM64), Optional.empty(), Map.of()))
                .id();
        awaitAll();
        RegisteredImage made = world.images.read(US, world.completed.imagesOf(id).get(0));
        assertEquals(Architecture.ARM64, made.manifest().architecture());
        assertEquals(Optional.of(image.id()), made.manifest().parent());
    }

    @Test
    void anEphemeralVolumeThatWasLeftGoesOnceItsSnapshotIsMade() {
        VolumeId ephemeral = registry.create(
                        US, new NewVolume(Optional.of(image.id().value()), Optional.empty(), false, true, Map.of()))
                .id();
        world.write(ephemeral, 0, noise(1, 4096));
        world.catalog.hold();
        SnapshotId id = snapshots.start(US, ephemeral, PLAIN).id();
        registry.left(ephemeral);
        assertEquals(ephemeral, registry.read(US, ephemeral).id(), "its snapshot is still being made");

        world.catalog.letGo();
        awaitAll();
        snapshots.close();

        assertFault(Fault.NOT_FOUND, () -> registry.read(US, ephemeral));
        assertEquals(id, world.completed.read(US, Right.SEE, id).id());
    }
}
