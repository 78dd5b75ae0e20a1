package cairn.server.image;

import static cairn.server.image.VolumeWorld.MIB;
import static cairn.server.image.VolumeWorld.ROOT;
import static cairn.server.image.VolumeWorld.THEM;
import static cairn.server.image.VolumeWorld.US;
import static cairn.server.image.VolumeWorld.assertFails;
import static cairn.server.image.VolumeWorld.assertFault;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.InstanceId;
import cairn.image.NewVolume;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Encryption;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change.PutIfAbsent;
import cairn.server.storage.ItemKey;
import cairn.server.storage.TestDisk;
import cairn.server.storage.VolumeBlocks;
import cairn.server.volume.LiveVolume;
import cairn.server.volume.Volume;
import cairn.server.volume.VolumeState;
import cairn.tree.Tree;
import cairn.tree.TreeRoot;
import io.netty.buffer.Unpooled;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VolumeRegistryTest {
    private static final VolumeId UNKNOWN = new VolumeId("vol-00123456789abcdef");
    private static final InstanceId ONE = new InstanceId("i-00000000000000001");
    private static final InstanceId TWO = new InstanceId("i-00000000000000002");

    private final VolumeWorld world = new VolumeWorld();
    private final VolumeRegistry registry = world.registry;
    private final TestDisk disk = TestDisk.random(1, 3 * MIB);
    private final RegisteredImage image = world.push(US, disk, "debian");

    @AfterEach
    void close() {
        world.close();
    }

    @Test
    void makesAVolumeOfAnImage() {
        RegisteredVolume volume = registry.create(
                US, new NewVolume(Optional.of(image.id().value()), Optional.empty(), false, true, Map.of("a", "b")));

        assertEquals(volume, registry.read(US, volume.id()));
        assertEquals(
                new VolumeState(volume.id().number(), 3 * MIB, US.domain(), disk.put(world.chunks, US.domain()), 0),
                volume.state());
        assertEquals(Optional.of(image.id()), volume.image());
        assertEquals(Optional.of(image.manifest().root().snapshot()), volume.snapshot());
        assertTrue(volume.isEphemeral() && !volume.isReadOnly());
        assertEquals(Map.of("a", "b"), volume.tags());
        assertArrayEquals(disk.bytes(), world.read(volume.id(), 0, 3 * MIB));
    }

    @Test
    void makesAVolumeOfASnapshot() {
        SnapshotId snapshot = image.manifest().root().snapshot();

        RegisteredVolume volume = registry.create(US, NewVolume.of(snapshot.value()));

        assertEquals(Optional.empty(), volume.image());
        assertEquals(Optional.of(snapshot), volume.snapshot());
        assertArrayEquals(disk.bytes(), world.read(volume.id(), 0, 3 * MIB));
    }

    @Test
    void refusesASnapshotThatIsRemovedMeanwhile() {
        SnapshotId snapshot = image.manifest().root().snapshot();
        world.images.remove(US, image.id());
        VolumePlan plan = VolumePlan.of(NewVolume.of(snapshot.value()), VolumeSettings.in(US.region()));

        StoreException refused = assertThrows(StoreException.class, () -> registry.create(US, plan, made -> {
            if (world.completed.find(US, snapshot).isPresent()) {
                world.completed.remove(US, snapshot);
            }
            return List.of();
        }));

        assertEquals(Fault.NOT_FOUND, refused.fault());
        assertEquals(0, registry.count());
    }

    @Test
    void makesABlankVolumeOfTheLargestSize() {
        RegisteredVolume volume = registry.create(US, NewVolume.blank(Tree.DISK_BYTES_MAX));

        assertEquals(TreeRoot.of(Tree.DISK_BYTES_MAX, Digest.ZERO), volume.state().base());
        assertArrayEquals(new byte[MIB], world.read(volume.id(), Tree.DISK_BYTES_MAX - MIB, MIB));
    }

    @Test
    void aThousandVolumesOfOneImageAreAThousandRecordsAndNoData() {
        int recordsBefore = world.records("");
        long chunksBefore = world.storage.index().count(ItemKey.CHUNK_KIND);
        long segmentBytesBefore = world.storage.segments().storedBytes();

        for (int n = 0; n < 1000; n++) {
            registry.create(US, NewVolume.of(image.id().value()));
        }

        assertEquals(1000, world.records("volume/"));
        assertEquals(recordsBefore + 1000, world.records(""));
        assertEquals(1000, registry.count());
        assertEquals(chunksBefore, world.storage.index().count(ItemKey.CHUNK_KIND));
        assertEquals(segmentBytesBefore, world.storage.segments().storedBytes());
        assertEquals(0, world.storage.volumeBlocks().storedBytes());
    }

    @Test
    void aVolumeMayBeLargerThanWhatItBeginsAsButNotSmaller() {
        RegisteredVolume larger = registry.create(US, sized(5 * MIB));

        assertEquals(5 * MIB, larger.sizeBytes());
        assertArrayEquals(Arrays.copyOf(disk.bytes(), 5 * MIB), world.read(larger.id(), 0, 5 * MIB));
        StoreException refused = assertThrows(StoreException.class, () -> registry.create(US, sized(2 * MIB)));
        assertEquals(Fault.INVALID_REQUEST, refused.fault());
        assertTrue(
                refused.getMessage().contains(image.id() + " has at least its 3145728 bytes, not 2097152"),
                refused.getMessage());
        assertFault(Fault.INVALID_REQUEST, () -> sized(3 * MIB + 1));
    }

    private NewVolume sized(long sizeBytes) {
        return new NewVolume(Optional.of(image.id().value()), Optional.of(sizeBytes), false, false, Map.of());
    }

    @Test
    void refusesWhatIsNoSource() {
        assertFault(Fault.INVALID_REQUEST, () -> registry.create(
                US, new NewVolume(Optional.empty(), Optional.empty(), false, false, Map.of())));
        for (String source : List.of("", "ami-1", "snap-", "disk", UNKNOWN.value())) {
            assertFault(Fault.INVALID_REQUEST, () -> registry.create(US, NewVolume.of(source)));
        }
        assertFault(Fault.NOT_FOUND, () -> registry.create(US, NewVolume.of("ami-0123456789abcdef0")));
        assertFault(Fault.NOT_FOUND, () -> registry.create(US, NewVolume.of("snap-0123456789abcdef0")));
        assertEquals(0, registry.count());
    }

    @Test
    void othersAreToldThatAVolumeDoesNotExist() {
        VolumeId ours = registry.create(US, NewVolume.of(image.id().value())).id();

        assertFault(Fault.NOT_FOUND, () -> registry.read(THEM, ours));
        assertFault(Fault.NOT_FOUND, () -> registry.remove(THEM, ours));
        assertFault(Fault.NOT_FOUND, () -> world.snapshots.start(THEM, ours, cairn.image.NewSnapshot.plain()));
        assertFault(Fault.NOT_FOUND, () -> registry.create(THEM, NewVolume.of(image.id().value())));
        assertFault(
                Fault.NOT_FOUND,
                () -> registry.create(THEM, NewVolume.of(image.manifest().root().snapshot().value())));
        assertEquals(List.of(), registry.list(THEM, "", 10));
        assertEquals(ours, registry.list(ROOT, "", 10).get(0).id());
        registry.remove(ROOT, ours);
        assertFault(Fault.NOT_FOUND, () -> registry.read(US, ours));
    }

    @Test
    void listsPageByPage() {
        List<VolumeId> ours = new ArrayList<>();
        for (int n = 0; n < 25; n++) {
            VolumeId id = registry.create(n % 5 == 0 ? THEM : US, NewVolume.blank(512)).id();
            if (n % 5 != 0) {
                ours.add(id);
            }
        }

        List<VolumeId> paged = new ArrayList<>();
        List<RegisteredVolume> some;
        do {
            some = registry.list(US, paged.isEmpty() ? "" : paged.get(paged.size() - 1).value(), 3);
            some.forEach(volume -> paged.add(volume.id()));
        } while (!some.isEmpty());

        assertEquals(20, paged.size());
        assertEquals(
                ours.stream().map(VolumeId::value).sorted().toList(),
                paged.stream().map(VolumeId::value).toList());
        ephemeral();
        assertEquals(7, registry.firstKept(7).size());
        assertEquals(25, registry.firstKept(100).size());
        assertEquals(26, registry.count());
    }

    @Test
    void imageAndSnapshotMayGoWhileTheirVolumesLiveOn() {
        VolumeId volume = registry.create(US, NewVolume.of(image.id().value())).id();
        byte[] written = {1, 2, 3};

        world.images.remove(US, image.id());
        world.write(volume, 1000, written);

        assertEquals(0, world.records("image"));
        assertEquals(0, world.records("snapshot"));
        byte[] expected = disk.bytes();
        System.arraycopy(written, 0, expected, 1000, written.length);
        assertArrayEquals(expected, world.read(volume, 0, expected.length));
        assertEquals(Optional.of(image.id()), registry.read(US, volume).image());
    }

    @Test
    void nobodyWritesToAReadOnlyVolume() {
        VolumeId id = registry.create(
                        US, new NewVolume(Optional.of(image.id().value()), Optional.empty(), true, false, Map.of()))
                .id();

        try (Volume volume = registry.connect(registry.read(US, id))) {
            assertFalse(volume.isWritable());
            assertFails(Fault.FORBIDDEN, volume.write(0, Unpooled.directBuffer().writeZero(512), false));
        }
    }

    @Test
    void removesTheRecordAndEveryBlock() {
        VolumeId volume = registry.create(US, NewVolume.of(image.id().value())).id();
        int records = world.records("");
        world.write(volume, 0, disk.bytes(MIB, MIB));
        assertTrue(registry.dirtyBytes(volume) > 0);
        assertTrue(world.storage.volumeBlocks().storedBytes() > 0);

        RegisteredVolume before = registry.read(US, volume);
        registry.remove(US, volume);

        assertFault(Fault.NOT_FOUND, () -> registry.read(US, volume));
        assertFault(Fault.NOT_FOUND, () -> registry.connect(before));
        assertFault(Fault.NOT_FOUND, () -> registry.remove(US, volume));
        assertEquals(records - 1, world.records(""));
        assertEquals(0, world.storage.volumeBlocks().storedBytes());
    }

    @Test
    void aVolumeInUseIsNotRemoved() {
        VolumeId id = registry.create(US, NewVolume.of(image.id().value())).id();

        try (Volume volume = registry.connect(registry.read(US, id))) {
            StoreException refused = assertThrows(StoreException.class, () -> registry.remove(US, id));
            assertEquals(Fault.CONFLICT, refused.fault());
            assertTrue(refused.getMessage().contains("volume " + id + " is in use"), refused.getMessage());
            assertEquals(1, registry.clients(id));
            assertEquals(3 * MIB, volume.sizeBytes());
        }

        assertEquals(0, registry.clients(id));
        registry.remove(US, id);
    }

    @Test
    void anEphemeralVolumeGoesWithItsLastClient() {
        VolumeId id = ephemeral();
        Volume first = registry.connect(registry.read(US, id));
        Volume second = registry.connect(registry.read(US, id));

        first.close();
        registry.left(id);
        assertEquals(id, registry.read(US, id).id(), "another client has it open");
        second.close();
        registry.left(id);

        assertFault(Fault.NOT_FOUND, () -> registry.read(US, id));
        registry.left(id);
    }

    @Test
    void anEphemeralVolumeThatWasLookedAtWhenItsClientLeftGoesAfterTheLook() {
        VolumeId id = ephemeral();
        try (LiveVolume look = registry.live(id)) {
            registry.left(id);
            assertEquals(0, look.dirtyBytes());
        }
        assertEquals(id, registry.read(US, id).id());

        assertEquals(0, registry.dirtyBytes(id));

        assertFault(Fault.NOT_FOUND, () -> registry.read(US, id));
    }

    private VolumeId ephemeral() {
        return registry.create(
                        US, new NewVolume(Optional.of(image.id().value()), Optional.empty(), false, true, Map.of()))
                .id();
    }

    @Test
    void aStartRemovesEphemeralVolumesAndBlocksOfVolumesThatAreGone() {
        VolumeId kept = registry.create(US, NewVolume.of(image.id().value())).id();
        VolumeId gone = ephemeral();
        world.write(kept, 0, new byte[] {1});
        world.write(gone, 0, new byte[] {1});
        world.write(registry.create(US, NewVolume.blank(MIB)).id(), 0, new byte[] {1});
        VolumeId crashed = registry.list(US, "", 10).stream()
                .filter(volume -> volume.image().isEmpty())
                .findFirst()
                .orElseThrow()
                .id();
        // What a crash leaves between the record's end and the blocks'.
        world.storage.catalog().commit(List.of(new cairn.server.storage.Catalog.Change.Delete("volume/" + crashed, 1)));

        registry.removeLeftovers();

        assertEquals(List.of(kept), registry.firstKept(10));
        List<Long> numbers = new ArrayList<>();
        world.storage.volumeBlocks().forEachVolume(numbers::add);
        assertEquals(List.of(kept.number()), numbers);
        assertArrayEquals(new byte[] {1}, world.read(kept, 0, 1));
        assertEquals(VolumeBlocks.BLOCK_BYTES, registry.dirtyBytes(kept));
    }

    private static VolumeAttachment at(InstanceId instance) {
        return new VolumeAttachment(
                instance, "/dev/sdf", true, Instant.parse("2026-11-23T10:44:09Z"), VolumeAttachment.State.ATTACHED);
    }

    @Test
    void oneInstanceAtATimeHasAVolume() {
        VolumeId id = registry.create(US, NewVolume.of(image.id().value())).id();

        RegisteredVolume attached = registry.attach(US, id, "locala", at(ONE));

        assertEquals(List.of(at(ONE)), attached.settings().attachments());
        assertEquals(attached, registry.read(US, id));
        assertEquals(List.of(attached), registry.attachedTo(US, ONE));
        assertEquals(List.of(), registry.attachedTo(THEM, ONE));
        assertFault(Fault.CONFLICT, () -> registry.attach(US, id, "locala", at(ONE)));
        StoreException refused =
                assertThrows(StoreException.class, () -> registry.attach(US, id, "locala", at(TWO)));
        assertEquals(Fault.CONFLICT, refused.fault());
        assertEquals("volume " + id + " is in use: attached to " + ONE, refused.getMessage());
        assertFault(Fault.CONFLICT, () -> registry.detach(US, id, TWO));

        assertEquals(List.of(), registry.detach(US, id, ONE).settings().attachments());
        assertFault(Fault.CONFLICT, () -> registry.detach(US, id, ONE));
        assertEquals(
                TWO,
                registry.attach(US, id, "locala", at(TWO)).settings().attachments().get(0).instance());
    }

    @Test
    void severalInstancesHaveAVolumeThatIsForSeveral() {
        VolumeSettings several = VolumeSettings.in("locala").withType("io2", Optional.of(1000), Optional.empty());
        VolumeId id = registry.create(
                        US,
                        VolumePlan.of(NewVolume.of(image.id().value()), several.withMultiAttach(true)),
                        made -> List.of())
                .id();

        registry.attach(US, id, "locala", at(ONE));
        RegisteredVolume both = registry.attach(US, id, "locala", at(TWO));

        assertEquals(List.of(at(ONE), at(TWO)), both.settings().attachments());
        assertEquals(List.of(at(TWO)), registry.detach(US, id, ONE).settings().attachments());
        for (int n = 0; n < 15; n++) {
            registry.attach(US, id, "locala", at(new InstanceId(String.format("i-%017x", 100 + n))));
        }
        assertFault(Fault.CONFLICT, () -> registry.attach(US, id, "locala", at(ONE)));
    }

    @Test
    void anInstanceInAnotherZoneIsTheOneReasonWhyAnAttachmentIsNoValidRequest() {
        VolumeId id = registry.create(US, NewVolume.of(image.id().value())).id();

        assertFault(Fault.INVALID_REQUEST, () -> registry.attach(US, id, "localb", at(ONE)));
        assertFault(Fault.NOT_FOUND, () -> registry.attach(THEM, id, "locala", at(ONE)));
        assertFault(Fault.NOT_FOUND, () -> registry.attach(US, UNKNOWN, "locala", at(ONE)));
        assertFault(Fault.CONFLICT, () -> registry.attach(US, ephemeral(), "locala", at(ONE)));
        assertFault(Fault.INVALID_REQUEST, () -> new VolumeAttachment(
                ONE, "a b", true, Instant.EPOCH, VolumeAttachment.State.ATTACHED));
        assertEquals(List.of(), registry.read(US, id).settings().attachments());
        assertEquals(ONE, registry.attach(ROOT, id, "locala", at(ONE)).settings().attachments().get(0).instance());
    }

    @Test
    void anAttachedVolumeIsNotRemovedThoughNobodyHasOpenedItSinceTheServerStarted() {
        VolumeId id = registry.create(US, NewVolume.of(image.id().value())).id();
        registry.attach(US, id, "locala", at(ONE));
        VolumeRegistry restarted = new VolumeRegistry(
                world.catalog, world.images, world.volumes, world.storage.volumeBlocks(), Clock.systemUTC());
        restarted.removeLeftovers();

        StoreException refused = assertThrows(StoreException.class, () -> restarted.remove(US, id));

        assertEquals(Fault.CONFLICT, refused.fault());
        assertEquals("volume " + id + " is in use: attached to " + ONE, refused.getMessage());
        assertEquals(0, restarted.clients(id));
        restarted.detach(US, id, ONE);
        restarted.remove(US, id);
        assertFault(Fault.NOT_FOUND, () -> restarted.read(US, id));
    }

    @Test
    void ofManyWhoAttachAVolumeAtOnceOneDoes() throws Exception {
        VolumeId id = registry.create(US, NewVolume.blank(MIB)).id();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<Boolean>> all = new ArrayList<>();
            for (int n = 0; n < 32; n++) {
                InstanceId instance = new InstanceId(String.format("i-%017x", n));
                all.add(threads.submit(() -> {
                    try {
                        return registry.attach(US, id, "locala", at(instance)).settings().attachments().size() == 1;
                    } catch (StoreException e) {
                        assertEquals(Fault.CONFLICT, e.fault());
                        return false;
                    }
                }));
            }
            int attached = 0;
            for (Future<Boolean> each : all) {
                attached += each.get() ? 1 : 0;
            }

            assertEquals(1, attached);
            assertEquals(1, registry.read(US, id).settings().attachments().size());
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void whatGoesWithAVolumeIsMadeWithItOrNotAtAll() {
        VolumeSettings settings = VolumeSettings.in("localb").with(new Encryption.Choice(true, Optional.of("ours")));
        VolumePlan plan = VolumePlan.of(NewVolume.of(image.id().value()), settings.with(at(ONE)));

        RegisteredVolume made = registry.create(
                US, plan, volume -> List.of(new PutIfAbsent("token/1", volume.id().value().getBytes(US_ASCII))));

        assertEquals(settings.with(at(ONE)), registry.read(US, made.id()).settings());
        assertEquals(
                made.id().value(), new String(world.catalog.find("token/1").orElseThrow().value(), US_ASCII));
        assertFault(Fault.CONFLICT, () -> registry.create(
                US, plan, volume -> List.of(new PutIfAbsent("token/1", new byte[1]))));
        assertEquals(1, registry.count());
    }

    @Test
    void aVolumeOfWhatIsEncryptedIsEncrypted() {
        SnapshotId snapshot = image.manifest().root().snapshot();
        world.completed.change(US, snapshot, each ->
                each.with(SnapshotSettings.completed(true, Optional.of("theirs"), each.startedAt())));

        VolumeSettings ofImage = registry.create(US, NewVolume.of(image.id().value())).settings();
        VolumeSettings ofSnapshot = registry.create(
                        US,
                        VolumePlan.of(
                                NewVolume.of(snapshot.value()),
                                VolumeSettings.in("locala").with(new Encryption.Choice(true, Optional.of("ours")))),
                        made -> List.of())
                .settings();

        assertTrue(ofImage.isEncrypted());
        assertEquals(Optional.of("theirs"), ofImage.keyId());
        assertEquals(Optional.of("ours"), ofSnapshot.keyId());
    }

    @Test
    void aDeviceOfAnImageMayBeNamed() {
        Optional<String> root = Optional.of("/dev/vda");
        NewVolume wanted = NewVolume.of(image.id().value());

        RegisteredVolume made = registry.create(
                US, new VolumePlan(wanted, root, VolumeSettings.in("locala")), volume -> List.of());

        assertEquals(Optional.of(image.manifest().root().snapshot()), made.snapshot());
        assertFault(Fault.INVALID_REQUEST, () -> registry.prepare(
                US, new VolumePlan(wanted, Optional.of("/dev/vdb"), VolumeSettings.in("locala"))));
    }

    @Test
    void aRecordOfBeforeThereWereAttachmentsIsRead() {
        RegisteredVolume volume = registry.create(US, NewVolume.blank(MIB));
        String json = new String(world.catalog.find("volume/" + volume.id()).orElseThrow().value(), UTF_8);
        for (String older : List.of(
                json.replaceFirst(",\"isMultiAttach\":false", "").replaceFirst(",\"attachments\":\\[]", ""),
                json.replaceFirst(",\"settings\":\\{[^}]*}", ""))) {
            assertTrue(older.length() < json.length());
            assertEquals(
                    volume,
                    VolumeRecords.volume(new Catalog.Entry("volume/" + volume.id(), 1, older.getBytes(UTF_8))));
        }
    }
}
