package cairn.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.GcMessages;
import cairn.api.GcMessages.Act;
import cairn.api.GcMessages.Done;
import cairn.api.GcMessages.Status;
import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.TestDisk;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.rbin.RbinClient;

/** Garbage is collected on a real server, while others rely on what it might take for garbage. */
class GarbageTest {
    private static final int MIB = 1 << 20;
    private static final int DISK_BYTES = 20 * MIB;

    @TempDir
    private Path folder;

    private final SetClock clock = new SetClock();
    private TestStore store;
    private StoreClient client;
    private StoreUser user;

    @BeforeEach
    void start() throws IOException {
        store = new TestStore(folder.resolve("data"), clock);
        connect();
    }

    private void connect() throws IOException {
        client = store.root().store();
        user = new StoreUser(client, folder);
    }

    @AfterEach
    void stop() {
        store.close();
    }

    private Path disk(long seed) throws IOException {
        return Files.write(folder.resolve("disk-" + seed), TestDisk.random(seed, DISK_BYTES).bytes());
    }

    private Status collect() {
        return collect(false);
    }

    private Status collect(boolean isEndingUploads) {
        Done asked = client.gc(new Act(GcMessages.RUN, isEndingUploads));
        Status now = asked.status();
        while (now.runs() < asked.run()) {
            Thread.onSpinWait();
            now = client.gc();
        }
        assertNull(now.last().error());
        assertNull(now.alarm());
        return now;
    }

    private long chunks() {
        return client.stats().chunks();
    }

    @Test
    void whatAnImageAloneHadComesBackAndAllElseStays() throws Exception {
        Path stays = disk(1);
        byte[] bytes = Files.readAllBytes(stays);
        System.arraycopy(TestDisk.random(2, 8 * MIB).bytes(), 0, bytes, 4 * MIB, 8 * MIB);
        Path goes = Files.write(folder.resolve("goes"), bytes);
        String kept = user.push(stays, "stays").image().id();
        long chunksBefore = chunks();
        long bytesBefore = client.stats().segmentBytes();
        String removed = user.push(goes, "goes").image().id();
        client.removeImage(new ImageId(removed));

        GcMessages.DryRun said = client.gc(new Act(GcMessages.DRY_RUN, null)).dryRun();
        Status after = collect();

        assertEquals(chunksBefore, chunks());
        user.assertComesBack(kept, stays);
        long givenBack = after.last().givenBackBytes();
        assertTrue(givenBack > MIB, after.last().toString());
        assertTrue(Math.abs(said.givenBackBytes() - givenBack) < givenBack / 20, said + " and " + givenBack);
        assertTrue(
                client.stats().segmentBytes() + after.last().packedBytes() < bytesBefore * 1.05,
                bytesBefore + " before, " + client.stats() + " after " + after.last());
        store.restart();
        connect();
        user.assertComesBack(kept, stays);
        collect();
        user.assertComesBack(kept, stays);
        user.assertComesBack(user.push(goes, "again").image().id(), goes);
    }

    @Test
    void whatIsInTheRecycleBinIsKept() throws Exception {
        try (RbinClient rbin = store.root().rbin()) {
            rbin.createRule(r -> r.resourceType("EBS_SNAPSHOT")
                    .retentionPeriod(p -> p.retentionPeriodValue(7).retentionPeriodUnit("DAYS")));
        }
        Path disk = disk(3);
        String image = user.push(disk, "recycled").image().id();
        String snapshot = client.image(new ImageId(image)).snapshot();
        client.removeImage(new ImageId(image));
        assertThrows(StoreException.class, () -> client.snapshot(new SnapshotId(snapshot)));
        long chunks = chunks();

        collect();

        assertEquals(chunks, chunks());
        clock.forward(Duration.ofDays(8));
        store.server().sweep();
        collect();
        assertEquals(0, chunks());
    }

    @Test
    void whatIsBeingWrittenAndReadIsKept() throws Exception {
        TestDisk block = TestDisk.random(4, EbsWriter.BLOCK);
        TestDisk base = TestDisk.random(5, DISK_BYTES);
        String image = user.push(Files.write(folder.resolve("base"), base.bytes()), "base").image().id();
        String volume = client.createVolume(new Messages.CreateVolume(image, null, null, null, Map.of())).id();
        EbsWriter writer = new EbsWriter(store.root().ebs());
        String pending = writer.start();
        writer.put(pending, 0, EbsWriter.block(block, 0));
        String read = user.push(disk(6), "read").image().id();
        try (NbdDisk open = NbdDisk.open(URI.create(client.exportUri(new cairn.client.DiskId(read)).socketUri()))) {
            client.removeImage(new ImageId(image));
            client.removeImage(new ImageId(read));

            collect();
            collect();

            assertArrayEquals(TestDisk.random(6, DISK_BYTES).bytes(), open.read(0, DISK_BYTES));
        }
        writer.complete(pending, 1);
        collect();
        try (NbdDisk open = NbdDisk.open(URI.create(client.exportUri(new VolumeId(volume)).socketUri()))) {
            assertArrayEquals(base.bytes(), open.read(0, DISK_BYTES));
        }
        collect();
        assertFalse(writer.list(pending).blocks().isEmpty());
        assertArrayEquals(
                EbsWriter.block(block, 0), writer.get(pending, writer.list(pending).blocks().get(0)));
    }

    @Test
    void anUnfinishedUploadHoldsWhatItSentUntilItIsEnded() throws Exception {
        Path disk = disk(7);
        String image = user.push(disk, "first").image().id();
        client.startUpload(new Messages.StartUpload(DISK_BYTES));
        client.removeImage(new ImageId(image));
        user.push(disk(8), "stays");
        long chunks = chunks();
        Path late = disk(9);
        client.removeImage(new ImageId(user.push(late, "younger than the upload").image().id()));

        Status held = collect();

        assertEquals(1, held.uploads());
        assertTrue(held.heldBytes() > 0, held.toString());
        assertEquals(clock.instant().plus(Duration.ofHours(24)).toString(), held.uploadsUntil());

        Status ended = collect(true);

        assertEquals(0, ended.uploads());
        assertEquals(0, ended.heldBytes());
        assertTrue(chunks() < chunks, chunks() + " of " + chunks);
    }

    @Test
    void onlyRootHasGarbageCollected() throws Exception {
        StoreClient other = store.newAccount("other").user().store();

        StoreException seen = assertThrows(StoreException.class, other::gc);
        StoreException asked =
                assertThrows(StoreException.class, () -> other.gc(new Act(GcMessages.RUN, null)));

        assertEquals(Fault.FORBIDDEN, seen.fault());
        assertEquals(Fault.FORBIDDEN, asked.fault());
    }

    @Test
    void itCanBePausedAlsoOverARestart() throws Exception {
        client.gc(new Act(GcMessages.PAUSE, null));

        StoreException e = assertThrows(StoreException.class, () -> client.gc(new Act(GcMessages.RUN, null)));

        assertEquals(Fault.CONFLICT, e.fault());
        store.restart();
        connect();
        assertEquals("paused", client.gc().state());
        assertEquals("idle", client.gc(new Act(GcMessages.RESUME, null)).status().state());
        collect();
    }
}
