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

import cairn.Fault;
import cairn.StoreException;
import cairn.image.DerivedImage;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.ImageName;
import cairn.image.InstanceId;
import cairn.image.NewImage;
import cairn.image.NewSnapshot;
import cairn.image.NewVolume;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Access.Right;
import cairn.server.account.Sharing;
import cairn.server.storage.Storage;
import cairn.server.storage.TestDisk;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Snapshots of several volumes at one moment, and images that have their id before they are made. */
abstract class VolumeImagesContract {
    private static final int SECONDS_MAX = 60;
    private static final NewSnapshot PLAIN = NewSnapshot.plain();
    private static final ImageName WEB = new ImageName("web");

    private VolumeWorld world;
    private VolumeRegistry registry;
    private VolumeSnapshots snapshots;
    private TestDisk disk;
    private RegisteredImage image;
    private VolumeId root;
    private VolumeId data;

    abstract Storage newStorage();

    @BeforeEach
    void open() {
        world = new VolumeWorld(newStorage());
        registry = world.registry;
        snapshots = world.snapshots;
        disk = TestDisk.random(1, 20 * MIB);
        image = world.push(US, disk, "debian");
        root = registry.create(US, NewVolume.of(image.id().value())).id();
        data = registry.create(US, NewVolume.blank(30 * MIB)).id();
    }

    @AfterEach
    void close() {
        world.close();
    }

    private void awaitAll() {
        assertTrue(snapshots.awaitNonePending(SECONDS_MAX));
    }

    private static byte[] filled(int with) {
        byte[] bytes = new byte[4096];
        Arrays.fill(bytes, (byte) with);
        return bytes;
    }

    private static WantedSnapshot of(VolumeId volume) {
        return new WantedSnapshot(volume, PLAIN);
    }

    private static NewImage named(ImageName name, Map<String, String> tags) {
        NewImage any = NewImage.of(name);
        return new NewImage(
                name, "made of two", any.architecture(), any.bootMode(), Optional.empty(), tags);
    }

    private ImagePlan plan(Map<String, String> tags) {
        return new ImagePlan(
                world.images.newId(),
                named(WEB, tags).withParent(Optional.of(image.id())),
                "/dev/sda1",
                List.of(
                        new ImagePlan.Disk("/dev/sda1", of(root)),
                        new ImagePlan.Disk(
                                "/dev/sdf", new WantedSnapshot(data, new NewSnapshot("data", Map.of("k", "v"))))),
                Map.of(),
                ImageSettings.NEW.withSourceInstance(Optional.of(new InstanceId("i-0123456789abcdef0"))));
    }

    private byte[] shown(SnapshotId id, int lengthBytes) {
        return Arrays.copyOf(world.read(world.images.disk(US, Right.READ, id.value())), lengthBytes);
    }

    @Test
    void snapshotsOfSeveralVolumesShowOneMoment() {
        AtomicBoolean isOver = new AtomicBoolean();
        CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> {
            for (int n = 1; !isOver.get(); n++) {
                world.write(root, 0, ByteBuffer.allocate(4096).putInt(n).array());
                world.write(data, 0, ByteBuffer.allocate(4096).putInt(n).array());
            }
        });

        for (int round = 0; round < 5; round++) {
            List<SnapshotInProgress> both = snapshots.start(US, List.of(of(data), of(root)));
            awaitAll();
            int second = ByteBuffer.wrap(shown(both.get(0).id(), 4)).getInt();
            int first = ByteBuffer.wrap(shown(both.get(1).id(), 4)).getInt();
            if (round > 0) {
                assertTrue(first == second || first == second + 1, first + " and then " + second);
            }
            assertEquals(Optional.of(data), both.get(0).volume());
            assertEquals(
                    world.completed.read(US, Right.SEE, both.get(0).id()).startedAt(),
                    world.completed.read(US, Right.SEE, both.get(1).id()).startedAt());
        }
        isOver.set(true);
        writing.join();
    }

    @Test
    void severalBeginTogetherOrNotAtAll() {
        VolumeId theirs = registry.create(THEM, NewVolume.blank(MIB)).id();
        int records = world.records("");

        assertFault(Fault.NOT_FOUND, () -> snapshots.start(US, List.of(of(root), of(theirs))));
        assertFault(Fault.INVALID_REQUEST, () -> snapshots.start(US, List.of(of(root), of(data), of(root))));
        assertFault(Fault.INVALID_REQUEST, () -> snapshots.start(US, List.of()));
        world.catalog.hold();
        for (int n = 0; n < VolumeSnapshots.OF_VOLUME_MAX; n++) {
            snapshots.start(US, data, PLAIN);
        }
        int recordsOfThese = world.records("");
        assertFault(Fault.CONFLICT, () -> snapshots.start(US, List.of(of(root), of(data))));

        assertEquals(recordsOfThese, world.records(""));
        assertEquals(records + VolumeSnapshots.OF_VOLUME_MAX, recordsOfThese);
        world.catalog.letGo();
        awaitAll();
        registry.remove(US, root);
    }

    @Test
    void severalWaitUntilItIsTheTurnOfAllOfThem() {
        world.catalog.hold();
        SnapshotId earlier = snapshots.start(US, data, PLAIN).id();
        List<SnapshotInProgress> both = snapshots.start(US, List.of(of(root), of(data)));
        SnapshotId later = snapshots.start(US, root, PLAIN).id();
        world.write(root, 0, filled(1));
        world.write(data, 0, filled(2));
        assertEquals(0, snapshots.find(US, both.get(0).id()).orElseThrow().changedBytes(), "it has no moment yet");
        world.catalog.letGo();
        awaitAll();

        assertArrayEquals(new byte[4096], shown(earlier, 4096));
        assertArrayEquals(filled(1), shown(both.get(0).id(), 4096));
        assertArrayEquals(filled(2), shown(both.get(1).id(), 4096));
        assertEquals(
                Optional.of(both.get(0).id()), world.completed.read(US, Right.SEE, later).parent());
        assertEquals(0, world.records("pending"));
    }

    @Test
    void anImageHasItsIdAtOnceAndKeepsIt() {
        world.write(root, 0, filled(1));
        world.write(data, MIB, filled(2));
        world.catalog.hold();

        ImageInProgress pending = snapshots.startImage(US, plan(Map.of("a", "b")));

        assertEquals(Optional.of(pending), snapshots.find(US, pending.id()));
        assertEquals(List.of(pending), snapshots.listImages(US));
        assertEquals(List.of(), snapshots.listImages(THEM));
        assertEquals(1, snapshots.listImages(ROOT).size());
        assertEquals(Optional.empty(), snapshots.find(THEM, pending.id()));
        assertEquals(Optional.empty(), pending.failure());
        assertEquals(2, snapshots.list(US).size());
        assertFault(Fault.NOT_FOUND, () -> world.images.read(US, pending.id()));
        assertFault(Fault.CONFLICT, () -> snapshots.forget(US, pending.id()));
        world.write(root, 0, filled(3));
        world.catalog.letGo();
        awaitAll();

        RegisteredImage made = world.images.read(US, pending.id());
        ImageManifest manifest = made.manifest();
        assertEquals(Optional.of(pending.id()), manifest.reservedId());
        assertEquals("/dev/sda1", manifest.rootDevice());
        assertEquals(
                pending.disks().stream().map(ImageInProgress.Disk::snapshot).toList(),
                manifest.blockDevices().stream().map(ImageManifest.BlockDevice::snapshot).toList());
        assertEquals(Optional.of(image.id()), manifest.parent());
        assertEquals(pending.createdAt(), manifest.createdAt());
        assertEquals(Map.of("a", "b"), made.tags());
        assertEquals(
                Optional.of(new InstanceId("i-0123456789abcdef0")), made.settings().sourceInstance());
        assertArrayEquals(filled(1), shown(manifest.blockDevices().get(0).snapshot(), 4096));
        SnapshotId second = manifest.blockDevices().get(1).snapshot();
        assertEquals(Map.of("k", "v"), world.completed.read(US, Right.SEE, second).tags());
        assertEquals(List.of(pending.id()), world.completed.imagesOf(second));
        assertEquals(Optional.empty(), snapshots.find(US, pending.id()));
        assertEquals(0, world.records("pending"));
        assertFalse(snapshots.tag(US, pending.id(), tags -> Map.of()), "it is there now");
        world.images.remove(US, pending.id());
        snapshots.startImage(US, plan(Map.of()));
        awaitAll();
    }

    @Test
    void tagsThatAreSetWhileSomethingIsMadeAreNotLost() {
        world.catalog.hold();
        ImageInProgress pending = snapshots.startImage(US, plan(Map.of("a", "b")));
        SnapshotId snapshot = pending.disks().get(0).snapshot();

        // The commit that completes them has perhaps been put together already.
        assertTrue(snapshots.tag(US, pending.id(), tags -> Map.of("a", tags.get("a") + "c", "d", "e")));
        assertTrue(snapshots.tag(US, snapshot, tags -> Map.of("f", "g")));
        assertFalse(snapshots.tag(THEM, pending.id(), tags -> Map.of()));
        assertFalse(snapshots.tag(THEM, snapshot, tags -> Map.of()));
        assertEquals(Map.of("f", "g"), snapshots.find(US, snapshot).orElseThrow().tags());
        assertEquals(
                Map.of("a", "bc", "d", "e"),
                snapshots.find(US, pending.id()).orElseThrow().tags());
        registry.change(US, root, volume -> volume.withTags(Map.of("h", "i")));
        world.catalog.letGo();
        awaitAll();

        assertEquals(Map.of("a", "bc", "d", "e"), world.images.read(US, pending.id()).tags());
        assertEquals(Map.of("f", "g"), world.completed.read(US, Right.SEE, snapshot).tags());
        assertEquals(Map.of("h", "i"), registry.read(US, root).tags());
    }

    @Test
    void tagsThatAreSetAllTheTimeAreAllThereInTheEnd() {
        for (int n = 0; n < 20; n++) {
            SnapshotId id = snapshots.start(US, root, PLAIN).id();
            CompletableFuture<Integer> tagging = CompletableFuture.supplyAsync(() -> {
                int last = 0;
                while (isNumbered(id, last + 1)) {
                    last++;
                }
                return last;
            });
            int last = tagging.join();
            // What could not be tagged any more is found as completed at once.
            assertEquals(Optional.empty(), snapshots.find(US, id));
            assertEquals(
                    last == 0 ? Map.of() : Map.of("n", String.valueOf(last)),
                    world.completed.read(US, Right.SEE, id).tags());
        }
    }

    private boolean isNumbered(SnapshotId id, int number) {
        return snapshots.tag(US, id, tags -> Map.of("n", String.valueOf(number)));
    }

    @Test
    void aNameIsKeptForAnImageUntilItFails() {
        world.catalog.hold();
        ImageInProgress pending = snapshots.startImage(US, plan(Map.of()));

        StoreException refused = assertThrows(StoreException.class, () -> snapshots.startImage(US, plan(Map.of())));
        assertEquals(Fault.CONFLICT, refused.fault());
        assertEquals("there is an image named \"web\" already: " + pending.id(), refused.getMessage());
        assertFault(Fault.CONFLICT, () -> snapshots.startImage(
                US, root, DerivedImage.of(WEB)));
        assertFault(Fault.CONFLICT, () -> world.push(US, disk, "web"));
        world.catalog.fail(new StoreException(Fault.NO_SPACE, "the disk is full"));
        world.catalog.letGo();
        awaitAll();
        world.catalog.fail(null);

        ImageInProgress failed = snapshots.find(US, pending.id()).orElseThrow();
        assertEquals(Optional.of("the disk is full"), failed.failure());
        for (ImageInProgress.Disk each : failed.disks()) {
            assertEquals(
                    Optional.of("the disk is full"),
                    snapshots.find(US, each.snapshot()).orElseThrow().failure());
            assertFault(Fault.NOT_FOUND, () -> world.completed.read(US, Right.SEE, each.snapshot()));
        }
        assertEquals(List.of(failed), snapshots.listImages(US));
        ImageInProgress next = snapshots.startImage(US, plan(Map.of()));
        awaitAll();
        assertEquals(WEB, world.images.read(US, next.id()).manifest().name());
        assertFalse(snapshots.forget(THEM, pending.id()));
        assertTrue(snapshots.forget(US, pending.id()));
        assertFalse(snapshots.forget(US, pending.id()));
        assertTrue(snapshots.forget(US, failed.disks().get(0).snapshot()));
        assertTrue(snapshots.forget(ROOT, failed.disks().get(1).snapshot()));
        assertEquals(0, world.records("pending"));
        assertEquals(WEB, world.images.read(US, next.id()).manifest().name(), "its name is its own");
    }

    @Test
    void whatAServerThatEndedWasMakingIsToldAsFailed() {
        world.catalog.hold();
        ImageInProgress pending = snapshots.startImage(US, plan(Map.of("a", "b")));
        SnapshotId alone = snapshots.start(US, root, PLAIN).id();

        try (VolumeSnapshots restarted = world.newSnapshots()) {
            assertEquals(
                    Optional.of("the server ended before it was made"),
                    restarted.find(US, alone).orElseThrow().failure(),
                    "also where nobody has said so");
            restarted.failLeftovers();

            ImageInProgress failed = restarted.find(US, pending.id()).orElseThrow();
            assertEquals(Optional.of("the server ended before it was made"), failed.failure());
            assertEquals(Map.of("a", "b"), failed.tags());
            assertEquals(3, restarted.list(US).size());
            assertTrue(restarted.list(US).stream().allMatch(each -> each.failure().isPresent()));
            assertEquals(List.of(), restarted.list(THEM));
            world.images.requireRoomFor(US, Optional.of(WEB), Optional.empty());
            assertTrue(restarted.forget(US, alone));
            assertTrue(restarted.forget(US, pending.id()));
            assertEquals(Optional.empty(), restarted.find(US, alone));
            assertEquals(List.of(), restarted.listImages(US));
        }
    }

    @Test
    void devicesThatNoImageHasAreRefusedAtOnce() {
        NewImage wanted = named(WEB, Map.of());
        List<ImagePlan.Disk> one = List.of(new ImagePlan.Disk("/dev/sda1", of(root)));
        SnapshotId snapshot = image.manifest().root().snapshot();

        ImageId id = world.images.newId();
        for (ImagePlan odd : List.of(
                new ImagePlan(id, wanted, "/dev/sdb", one, Map.of(), ImageSettings.NEW),
                new ImagePlan(id, wanted, "/dev/sda1", one, Map.of("/dev/sda1", snapshot), ImageSettings.NEW),
                new ImagePlan(id, wanted, "/dev/sda1", one, Map.of("a b", snapshot), ImageSettings.NEW))) {
            assertFault(Fault.INVALID_REQUEST, () -> snapshots.startImage(US, odd));
        }
        ImagePlan unknown = new ImagePlan(
                world.images.newId(),
                wanted,
                "/dev/sda1",
                one,
                Map.of("/dev/sdb", new SnapshotId("snap-00000000000000001")),
                ImageSettings.NEW);
        assertFault(Fault.NOT_FOUND, () -> snapshots.startImage(US, unknown));
        assertEquals(0, world.records("pending"));
        assertEquals(List.of(), snapshots.list(ROOT));
        registry.remove(US, root);
    }

    @Test
    void anImageMayNameSnapshotsThatAreThere() {
        SnapshotId there = image.manifest().root().snapshot();
        ImageId made = snapshots.startImage(
                        US,
                        new ImagePlan(
                                world.images.newId(),
                                named(WEB, Map.of()),
                                "/dev/sda1",
                                List.of(new ImagePlan.Disk("/dev/sda1", of(root))),
                                Map.of("/dev/sdb", there),
                                ImageSettings.NEW))
                .id();
        awaitAll();

        assertEquals(there, world.images.read(US, made).manifest().blockDevices().get(1).snapshot());
        assertEquals(Set.of(image.id(), made), Set.copyOf(world.completed.imagesOf(there)));
    }

    @Test
    void anotherAccountMakesAnImageOfWhatItMadeOfOurs() {
        world.images.change(US, image.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        VolumeId theirs = registry.create(THEM, NewVolume.of(image.id().value())).id();
        byte[] written = TestDisk.random(9, 4096).bytes();
        world.write(theirs, 0, written);

        ImageId made = snapshots.startImage(
                        THEM,
                        new ImagePlan(
                                world.images.newId(),
                                named(WEB, Map.of()).withParent(Optional.of(image.id())),
                                "/dev/sda1",
                                List.of(new ImagePlan.Disk("/dev/sda1", of(theirs))),
                                Map.of(),
                                ImageSettings.NEW))
                .id();
        awaitAll();

        assertEquals(THEM.account(), world.images.read(THEM, made).owner());
        byte[] expected = disk.bytes();
        System.arraycopy(written, 0, expected, 0, written.length);
        assertArrayEquals(expected, world.read(world.images.disk(THEM, Right.READ, made.value())));
        assertFault(Fault.NOT_FOUND, () -> world.images.read(US, made));
        // Once more by a volume of that: what is theirs by now is snapshotted where it lies.
        VolumeId again = registry.create(THEM, NewVolume.of(made.value())).id();
        assertEquals(THEM.domain(), registry.read(THEM, again).state().domain());
    }
}
