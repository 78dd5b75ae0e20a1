package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.GcMessages;
import cairn.api.Messages;
import cairn.api.UsageMessages.ChunkExplanation;
import cairn.api.UsageMessages.Explanation;
import cairn.api.UsageMessages.Keeper;
import cairn.api.UsageMessages.Sharer;
import cairn.api.UsageMessages.StoreUsage;
import cairn.api.UsageMessages.Usage;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.LockMode;

/** What takes the space of a real server, by disks of which every chunk is known. */
class ExplainTest {
    private static final int CHUNK = Chunk.SIZE_BYTES;
    /** Two pages of level 0 below one of level 1. */
    private static final int CHUNKS = 320;
    private static final int COMMON = 300;

    private TestStore store;
    private StoreClient root;
    private TestStore.Somebody owner;
    private TestStore.Somebody other;
    private StoreClient client;
    private Path folder;
    private byte[] firstDisk;
    private byte[] secondDisk;
    private Messages.Image first;
    private Messages.Image second;

    /** Two images of one account, which have their first chunks in common. */
    @BeforeEach
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        store = new TestStore(folder.resolve("data"));
        root = store.root().store();
        owner = store.newAccount("owner");
        other = store.newAccount("other");
        client = owner.user().store();
        firstDisk = noise(1, CHUNKS);
        secondDisk = firstDisk.clone();
        System.arraycopy(noise(2, CHUNKS - COMMON), 0, secondDisk, COMMON * CHUNK, (CHUNKS - COMMON) * CHUNK);
        first = push(client, firstDisk, "the first");
        second = push(client, secondDisk, "the second");
    }

    @AfterEach
    void stop() {
        if (store != null) {
            store.close();
        }
    }

    private static byte[] noise(long seed, int chunks) {
        byte[] bytes = new byte[chunks * CHUNK];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private Messages.Image push(StoreClient as, byte[] disk, String name) throws Exception {
        Path file = Files.write(folder.resolve(name), disk);
        return new StoreUser(as, folder).push(file, name).image();
    }

    private static ChunkId chunk(byte[] disk, int index) {
        return Chunk.idOf(disk, index * CHUNK);
    }

    private static void assertNotFound(Runnable question) {
        assertEquals(Fault.NOT_FOUND, assertThrows(StoreException.class, question::run).fault());
    }

    @Test
    void anImageAloneKeepsWhatNoOtherHas() {
        Explanation explained = client.explain(new ImageId(first.id()));

        assertEquals("image", explained.kind());
        assertEquals("the first", explained.name());
        assertEquals((long) CHUNKS * CHUNK, explained.logicalBytes());
        assertEquals((long) CHUNKS * CHUNK, explained.dataBytes());
        assertEquals(CHUNKS - COMMON, explained.exclusiveChunks());
        assertEquals((long) (CHUNKS - COMMON) * CHUNK, explained.exclusiveBytes());
        assertTrue(explained.exclusiveStoredBytes() > (CHUNKS - COMMON) * CHUNK * 9L / 10, explained::toString);
        assertEquals(
                List.of(new Sharer(
                        second.id(), "image", "the second", owner.account().value(), (long) COMMON * CHUNK)),
                explained.sharedWith());
        assertNull(explained.isOpen());
    }

    @Test
    void aSnapshotIsExplainedAsTheImageThatNamesIt() {
        Explanation explained = client.explain(new SnapshotId(first.snapshot()));

        assertEquals("snapshot", explained.kind());
        assertEquals(List.of(first.id()), explained.images());
        assertEquals(CHUNKS - COMMON, explained.exclusiveChunks());
        assertEquals(1, explained.sharedWith().size());
    }

    @Test
    void anAccountAloneKeepsWhatItsImagesShare() throws Exception {
        push(other.user().store(), firstDisk, "equal but stored again");

        Explanation explained = client.explain(owner.account());

        assertEquals(2L * CHUNKS * CHUNK, explained.logicalBytes());
        assertEquals(2L * CHUNKS * CHUNK, explained.dataBytes());
        assertEquals(2L * CHUNKS - COMMON, explained.exclusiveChunks());
        assertEquals(List.of(), explained.sharedWith());
        assertEquals(explained, client.explain(owner.account()));
        assertNotFound(() -> client.explain(other.account()));
        assertEquals("owner", root.explain(owner.account()).name());
    }

    @Test
    void whatAnotherAccountCopiedDoesNotComeBackAndItIsNotNamed() {
        client.shareImage(
                new ImageId(first.id()),
                new Messages.ChangeSharing(null, List.of(other.account().value()), null));
        StoreClient others = other.user().store();
        assertNotFound(() -> others.explain(new ImageId(first.id())));
        Messages.Image copy = others.copyImage(new ImageId(first.id()), new Messages.CreateCopy("copied", null));

        Explanation explained = client.explain(new ImageId(first.id()));
        Explanation ofCopy = others.explain(new ImageId(copy.id()));

        assertEquals(0, explained.exclusiveChunks());
        assertEquals(0, explained.exclusiveStoredBytes());
        assertEquals(List.of(second.id()), explained.sharedWith().stream().map(Sharer::id).toList());
        assertEquals(0, ofCopy.exclusiveChunks());
        assertEquals(List.of(), ofCopy.sharedWith());
        assertEquals(
                List.of(copy.id(), second.id()),
                root.explain(new ImageId(first.id())).sharedWith().stream().map(Sharer::id).toList());
        client.removeImage(new ImageId(first.id()));
        assertEquals(CHUNKS - COMMON, others.explain(new ImageId(copy.id())).exclusiveChunks());
    }

    @Test
    void aVolumeKeepsWhatItBeganAs() {
        Messages.Volume volume = client.createVolume(
                new Messages.CreateVolume(first.id(), (CHUNKS + 16L) * CHUNK, null, null, null));
        assertEquals(0, client.explain(new ImageId(first.id())).exclusiveChunks());

        client.removeImage(new ImageId(first.id()));

        Explanation explained = client.explain(new VolumeId(volume.id()));
        assertEquals("volume", explained.kind());
        assertEquals((CHUNKS + 16L) * CHUNK, explained.logicalBytes());
        assertEquals(CHUNKS - COMMON, explained.exclusiveChunks());
    }

    @Test
    void aLockAndTheRecycleBinAreNamed() {
        try (Ec2Client ec2 = owner.user().ec2()) {
            ec2.lockSnapshot(lock -> lock.snapshotId(first.snapshot()).lockMode(LockMode.GOVERNANCE).lockDuration(3));
        }

        Explanation explained = client.explain(new ImageId(first.id()));

        assertEquals(List.of("lock"), explained.stays().stream().map(stay -> stay.why()).toList());
        assertEquals(first.snapshot(), explained.stays().get(0).id());
        client.removeImage(new ImageId(first.id()));
        assertEquals(CHUNKS - COMMON, client.explain(new SnapshotId(first.snapshot())).exclusiveChunks());
        Set<String> kinds = client.usageOfHolders(0).items().stream().map(Usage::kind).collect(Collectors.toSet());
        assertEquals(Set.of("image", "snapshot"), kinds);
    }

    @Test
    void aChunkIsFoundInAllThatKeepIt() {
        ChunkExplanation common = root.explain(chunk(firstDisk, 270));
        ChunkExplanation own = client.explain(chunk(secondDisk, 310));

        assertEquals(2, common.keeperCount());
        assertEquals(
                Set.of(first.id(), second.id()),
                common.keptBy().stream().map(Keeper::id).collect(Collectors.toSet()));
        Keeper keeper = common.keptBy().get(0);
        assertEquals(270, keeper.chunkIndex());
        assertEquals(270L * CHUNK, keeper.offset());
        assertEquals(1, keeper.occurrences());
        assertEquals(2, keeper.path().size());
        assertTrue(keeper.path().get(0).startsWith("L1:") && keeper.path().get(1).startsWith("L0:"));
        assertEquals(1, common.copies().size());
        assertEquals("kept", common.copies().get(0).state());
        assertEquals("written", common.copies().get(0).form());
        assertEquals(false, common.isOpen());
        assertEquals(List.of(second.id()), own.keptBy().stream().map(Keeper::id).toList());
        assertEquals(second.snapshot(), own.keptBy().get(0).tree());
        assertNull(own.copies());
        assertNotFound(() -> other.user().store().explain(chunk(firstDisk, 270)));
        assertNotFound(() -> root.explain(chunk(noise(9, 1), 0)));
    }

    @Test
    void aChunkThatComesTwiceIsCounted() throws Exception {
        byte[] disk = Arrays.copyOf(firstDisk, 8 * CHUNK);
        System.arraycopy(disk, 0, disk, 5 * CHUNK, CHUNK);
        Messages.Image image = push(other.user().store(), disk, "twice");

        ChunkExplanation explained = root.explain(chunk(disk, 0));

        assertEquals(2, explained.copies().size(), "one for each account");
        Keeper keeper = explained.keptBy().stream()
                .filter(each -> each.id().equals(image.id()))
                .findFirst()
                .orElseThrow();
        assertEquals(2, keeper.occurrences());
        assertEquals(0, keeper.offset());
        Explanation ofImage = root.explain(new ImageId(image.id()));
        assertEquals(8L * CHUNK, ofImage.dataBytes());
        assertEquals(7, ofImage.exclusiveChunks());
    }

    @Test
    void aSnapshotThatIsBeingWrittenKeepsItsBlocks() throws Exception {
        try (EbsClient ebs = owner.user().ebs()) {
            String id = ebs.startSnapshot(start -> start.volumeSize(1L)).snapshotId();
            new EbsWriter(ebs).put(id, 3, Arrays.copyOf(secondDisk, EbsWriter.BLOCK));

            Explanation explained = client.explain(new SnapshotId(id));
            ChunkExplanation ofChunk = client.explain(chunk(secondDisk, 2));

            assertEquals("upload", explained.kind());
            assertEquals(1L << 30, explained.logicalBytes());
            assertEquals(8L * CHUNK, explained.dataBytes());
            assertEquals(0, explained.exclusiveChunks(), "both images have them");
            assertEquals(3, ofChunk.keeperCount());
        }
    }

    @Test
    void tablesAddUpAndShowEverybodyTheirOwn() throws Exception {
        Messages.Image others = push(other.user().store(), noise(5, 10), "another's");

        List<Usage> all = root.usageOfHolders(0).items();
        List<Usage> accounts = root.usageOfAccounts(0).items();
        StoreUsage usage = root.usage();

        assertEquals(3, all.size());
        assertEquals(
                all.stream().mapToLong(Usage::exclusiveBytes).sum() + (long) COMMON * CHUNK, usage.keptBytes());
        assertEquals(accounts.stream().mapToLong(Usage::exclusiveBytes).sum(), usage.keptBytes());
        assertEquals(root.stats().chunks(), usage.keptChunks());
        assertEquals(0, usage.reclaimableBytes());
        assertEquals(
                usage.segmentBytes(), accounts.stream().mapToLong(Usage::exclusiveStoredBytes).sum(), 2.0);
        assertEquals(List.of("owner", "other"), accounts.stream().map(Usage::name).toList());
        assertEquals(
                List.of(others.id()),
                other.user().store().usageOfHolders(0).items().stream().map(Usage::id).toList());
        assertEquals(
                List.of(other.account().value()),
                other.user().store().usageOfAccounts(0).items().stream().map(Usage::id).toList());
        assertEquals(
                Fault.FORBIDDEN, assertThrows(StoreException.class, () -> other.user().store().usage()).fault());
    }

    @Test
    void whatNothingKeepsAnyMoreIsReclaimable() {
        long alone = client.explain(new ImageId(first.id())).exclusiveStoredBytes();
        long before = root.usage().keptChunks();

        client.removeImage(new ImageId(first.id()));

        StoreUsage usage = root.usage();
        assertEquals(before - (CHUNKS - COMMON), usage.keptChunks());
        assertEquals(alone, usage.reclaimableBytes(), 1.0);
        ChunkExplanation gone = root.explain(chunk(firstDisk, 310));
        assertEquals(0, gone.keeperCount());
        assertEquals("unreferenced", gone.copies().get(0).state());
        assertNotFound(() -> client.explain(chunk(firstDisk, 310)));
    }

    @Test
    void whatAnImageAloneKeepsIsWhatComesBackWhenItGoes() {
        Explanation explained = client.explain(new ImageId(first.id()));
        Messages.Stats before = root.stats();

        client.removeImage(new ImageId(first.id()));
        collectGarbage();

        Messages.Stats after = root.stats();
        assertEquals(explained.exclusiveChunks(), before.chunks() - after.chunks());
        assertEquals(explained.exclusiveBytes(), before.uniqueBytes() - after.uniqueBytes());
        // Two pages count as much as two of these chunks, and take an eighth of that.
        assertEquals(
                explained.exclusiveStoredBytes(),
                before.segmentBytes() - after.segmentBytes(),
                explained.exclusiveStoredBytes() * 0.1);
        assertEquals(0, root.usage().reclaimableBytes());
        assertEquals(after.chunks(), root.usage().keptChunks());
        assertNotFound(() -> root.explain(chunk(firstDisk, 310)));
        assertEquals(CHUNKS, client.explain(new ImageId(second.id())).exclusiveChunks());
    }

    private void collectGarbage() {
        long run = root.gc(new GcMessages.Act(GcMessages.RUN, false)).run();
        GcMessages.Status status;
        do {
            status = root.gc();
        } while (status.runs() < run);
        assertNull(status.last().error(), status::toString);
    }
}
