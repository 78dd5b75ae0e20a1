package cairn.server;

import static cairn.server.EbsWriter.block;
import static cairn.server.EbsWriter.checksum;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.TestDisk;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.AccessDeniedException;
import software.amazon.awssdk.services.ebs.model.Block;
import software.amazon.awssdk.services.ebs.model.ChangedBlock;
import software.amazon.awssdk.services.ebs.model.ConcurrentLimitExceededException;
import software.amazon.awssdk.services.ebs.model.ConflictException;
import software.amazon.awssdk.services.ebs.model.EbsException;
import software.amazon.awssdk.services.ebs.model.GetSnapshotBlockResponse;
import software.amazon.awssdk.services.ebs.model.ListChangedBlocksResponse;
import software.amazon.awssdk.services.ebs.model.ListSnapshotBlocksResponse;
import software.amazon.awssdk.services.ebs.model.PutSnapshotBlockResponse;
import software.amazon.awssdk.services.ebs.model.ResourceNotFoundException;
import software.amazon.awssdk.services.ebs.model.StartSnapshotResponse;
import software.amazon.awssdk.services.ebs.model.Tag;
import software.amazon.awssdk.services.ebs.model.ValidationException;

/** EBS direct through the AWS SDK for Java, unchanged, against a real server. */
class EbsDirectTest {
    private static final int BLOCK = EbsWriter.BLOCK;
    /** 24 MiB of a GiB. */
    private static final int BLOCKS = 48;

    @TempDir
    Path folder;

    private final SetClock clock = new SetClock();
    private TestStore store;
    private EbsClient ebs;
    private EbsWriter writer;

    @BeforeEach
    void open() throws Exception {
        store = new TestStore(folder.resolve("data"), clock);
        ebs = store.root().ebs();
        writer = new EbsWriter(ebs);
    }

    @AfterEach
    void close() {
        ebs.close();
        store.close();
    }

    @Test
    void takesADiskFromManyThreadsInAnyOrderAndGivesItBack() throws Exception {
        TestDisk disk = disk(1);
        String id = writer.start();
        List<Callable<Void>> writes = new ArrayList<>();
        for (int index = 0; index < BLOCKS; index++) {
            int at = index;
            writes.add(() -> {
                PutSnapshotBlockResponse written = writer.put(id, at, block(disk, at));
                assertEquals(checksum(block(disk, at)), written.checksum());
                assertEquals("SHA256", written.checksumAlgorithmAsString());
                return null;
            });
        }
        Collections.shuffle(writes, new Random(1));
        EbsWriter.doAll(64, writes);

        assertEquals("completed", writer.complete(id, BLOCKS, EbsWriter.linear(disk, BLOCKS)).statusAsString());
        assertEquals("completed", writer.complete(id, BLOCKS).statusAsString());

        assertComesBack(id, disk);
    }

    private void assertComesBack(String id, TestDisk disk) throws Exception {
        ListSnapshotBlocksResponse listed = writer.list(id);
        assertEquals(BLOCK, listed.blockSize());
        assertEquals(1, listed.volumeSize());
        assertEquals(clock.instant().plus(Duration.ofDays(7)), listed.expiryTime());
        assertNull(listed.nextToken());
        assertEquals(present(disk), listed.blocks().stream().map(Block::blockIndex).toList());
        List<Callable<Void>> reads = new ArrayList<>();
        for (Block each : listed.blocks()) {
            reads.add(() -> {
                ResponseBytes<GetSnapshotBlockResponse> read = writer.get(id, each.blockIndex(), each.blockToken());
                assertArrayEquals(block(disk, each.blockIndex()), read.asByteArray());
                assertEquals(BLOCK, read.response().dataLength());
                assertEquals(checksum(read.asByteArray()), read.response().checksum());
                assertEquals("SHA256", read.response().checksumAlgorithmAsString());
                return null;
            });
        }
        EbsWriter.doAll(16, reads);
    }

    private static List<Integer> present(TestDisk disk) {
        List<Integer> present = new ArrayList<>();
        for (int index = 0; index < disk.sizeBytes() / BLOCK; index++) {
            boolean isHole = true;
            for (int chunk = 0; chunk < 8; chunk++) {
                isHole &= disk.isHole((long) index * BLOCK + chunk * (BLOCK / 8));
            }
            if (!isHole) {
                present.add(index);
            }
        }
        return present;
    }

    @Test
    void tellsWhatASnapshotWasStartedWith() {
        StartSnapshotResponse begun = ebs.startSnapshot(request -> request.volumeSize(3L)
                .description("a disk, ünïcode")
                .timeout(10)
                .tags(Tag.builder().key("k").value("v").build(), Tag.builder().key("empty").value("").build()));

        assertTrue(begun.snapshotId().matches("snap-[0-9a-f]{17}"), begun.snapshotId());
        assertEquals("a disk, ünïcode", begun.description());
        assertEquals("pending", begun.statusAsString());
        assertEquals(3, begun.volumeSize());
        assertEquals(BLOCK, begun.blockSize());
        assertEquals(clock.instant(), begun.startTime());
        assertEquals(12, begun.ownerId().length());
        assertEquals("none", begun.sseTypeAsString());
        assertNull(begun.parentSnapshotId());
        Map<String, String> tags = new TreeMap<>();
        begun.tags().forEach(tag -> tags.put(tag.key(), tag.value()));
        assertEquals(Map.of("k", "v", "empty", ""), tags);

        StartSnapshotResponse child = ebs.startSnapshot(
                request -> request.volumeSize(4L).parentSnapshotId(completed(begun.snapshotId())));
        assertEquals(begun.snapshotId(), child.parentSnapshotId());
        assertEquals(4, child.volumeSize());
    }

    private String completed(String id) {
        writer.complete(id, 0);
        return id;
    }

    @Test
    void listsPageByPage() {
        TestDisk disk = disk(2);
        byte[] some = block(disk, present(disk).get(0));
        String id = writer.start();
        for (int index = 0; index < 250; index++) {
            writer.put(id, 8 * index, some);
        }
        writer.complete(id, 250);

        List<Integer> found = new ArrayList<>();
        String token = null;
        int pages = 0;
        do {
            String from = token;
            ListSnapshotBlocksResponse page = ebs.listSnapshotBlocks(request ->
                    request.snapshotId(id).maxResults(100).nextToken(from).startingBlockIndex(from == null ? 80 : 7));
            page.blocks().forEach(each -> found.add(each.blockIndex()));
            token = page.nextToken();
            pages++;
        } while (token != null);

        List<Integer> expected = new ArrayList<>();
        for (int index = 10; index < 250; index++) {
            expected.add(8 * index);
        }
        assertEquals(expected, found);
        assertEquals(3, pages);
        assertEquals(List.of(), ebs.listSnapshotBlocks(request -> request.snapshotId(id).startingBlockIndex(2000))
                .blocks());
    }

    @Test
    void listsWhatAChildHasInherited() {
        TestDisk disk = disk(3);
        String parent = writer.write(disk);
        String child = writer.startUpon(parent);
        writer.put(child, 1000, block(disk, present(disk).get(0)));
        writer.complete(child, 1);

        List<Integer> expected = present(disk);
        expected.add(1000);
        assertEquals(expected, writer.list(child).blocks().stream().map(Block::blockIndex).toList());
        for (Block each : writer.list(child).blocks().subList(0, 5)) {
            assertArrayEquals(block(disk, each.blockIndex()), writer.get(child, each));
        }
    }

    @Test
    void tellsChangesInAllFourWays() {
        TestDisk disk = disk(4);
        TestDisk other = disk(5);
        List<Integer> present = present(disk);
        String parent = writer.write(disk);
        String child = writer.startUpon(parent);
        int changed = present.get(0);
        int removed = present.get(1);
        writer.put(child, changed, block(other, present(other).get(0)));
        writer.put(child, removed, new byte[BLOCK]);
        writer.put(child, 900, block(disk, changed));
        writer.put(child, present.get(2), block(disk, present.get(2)));
        writer.complete(child, 4);

        ListChangedBlocksResponse changes = ebs.listChangedBlocks(
                request -> request.firstSnapshotId(parent).secondSnapshotId(child));

        assertEquals(List.of(changed, removed, 900),
                changes.changedBlocks().stream().map(ChangedBlock::blockIndex).toList());
        ChangedBlock both = changes.changedBlocks().get(0);
        assertArrayEquals(block(disk, changed), writer.get(parent, changed, both.firstBlockToken()).asByteArray());
        assertArrayEquals(block(other, present(other).get(0)),
                writer.get(child, changed, both.secondBlockToken()).asByteArray());
        assertFalse(changes.changedBlocks().get(1).firstBlockToken().isEmpty());
        assertNull(changes.changedBlocks().get(1).secondBlockToken());
        assertNull(changes.changedBlocks().get(2).firstBlockToken());
        assertFalse(changes.changedBlocks().get(2).secondBlockToken().isEmpty());
        assertEquals(BLOCK, changes.blockSize());
        assertEquals(1, changes.volumeSize());
    }

    @Test
    void tellsNoTokenForABlockThatOnlyLooksEmptyWhereItChanged() {
        byte[] first = new byte[BLOCK];
        first[BLOCK - 1] = 1;
        byte[] second = first.clone();
        second[0] = 1;
        String parent = writer.start();
        writer.put(parent, 5, first);
        writer.complete(parent, 1);
        String child = writer.startUpon(parent);
        writer.put(child, 5, second);
        writer.complete(child, 1);

        ChangedBlock changed = ebs.listChangedBlocks(
                request -> request.firstSnapshotId(parent).secondSnapshotId(child)).changedBlocks().get(0);

        assertArrayEquals(first, writer.get(parent, 5, changed.firstBlockToken()).asByteArray());
    }

    @Test
    void comparesOneLineageOrAnyTwoWhenAsked() {
        TestDisk disk = disk(6);
        String parent = writer.write(disk);
        String left = completed(writer.startUpon(parent));
        String right = completed(writer.startUpon(parent));
        String stranger = writer.write(disk(7));

        assertEquals(List.of(), ebs.listChangedBlocks(
                request -> request.firstSnapshotId(left).secondSnapshotId(right)).changedBlocks());
        assertReason("UNRELATED_SNAPSHOTS", () -> ebs.listChangedBlocks(
                request -> request.firstSnapshotId(left).secondSnapshotId(stranger)));
        assertFalse(ebs.listChangedBlocks(request -> request.firstSnapshotId(left).secondSnapshotId(stranger)
                        .overrideConfiguration(headers -> headers.putHeader("x-cairn-compare", "any")))
                .changedBlocks()
                .isEmpty());
        assertReason("INVALID_PARAMETER_VALUE", () -> ebs.listChangedBlocks(
                request -> request.firstSnapshotId(left).secondSnapshotId(stranger)
                        .overrideConfiguration(headers -> headers.putHeader("x-cairn-compare", "some"))));
        assertEquals(present(disk), ebs.listChangedBlocks(request -> request.secondSnapshotId(left))
                .changedBlocks().stream().map(ChangedBlock::blockIndex).toList());
    }

    @Test
    void comparesDisksOfUnequalSize() {
        TestDisk disk = disk(8);
        String small = writer.write(disk);
        String large = ebs.startSnapshot(request -> request.volumeSize(6L).parentSnapshotId(small)).snapshotId();
        writer.put(large, 6 * 2048 - 1, block(disk, present(disk).get(0)));
        writer.complete(large, 1);

        assertEquals(List.of(6 * 2048 - 1), ebs.listChangedBlocks(
                        request -> request.firstSnapshotId(small).secondSnapshotId(large))
                .changedBlocks().stream().map(ChangedBlock::blockIndex).toList());
        assertEquals(List.of(6 * 2048 - 1), ebs.listChangedBlocks(
                        request -> request.firstSnapshotId(large).secondSnapshotId(small))
                .changedBlocks().stream().map(ChangedBlock::blockIndex).toList());
    }

    @Test
    void makesOneSnapshotForOneClientToken() throws Exception {
        StartSnapshotResponse first = ebs.startSnapshot(request -> request.volumeSize(1L).clientToken("one"));

        assertEquals(first.toString(),
                ebs.startSnapshot(request -> request.volumeSize(1L).clientToken("one")).toString());
        assertThrows(ConflictException.class,
                () -> ebs.startSnapshot(request -> request.volumeSize(2L).clientToken("one")));
        writer.complete(first.snapshotId(), 0);
        StartSnapshotResponse again = ebs.startSnapshot(request -> request.volumeSize(1L).clientToken("one"));
        assertEquals(first.snapshotId(), again.snapshotId());
        assertEquals("completed", again.statusAsString());
        assertNotEquals(first.snapshotId(), store.root().in("far-1").ebs()
                .startSnapshot(request -> request.volumeSize(2L).clientToken("one")).snapshotId());

        List<String> ids = Collections.synchronizedList(new ArrayList<>());
        EbsWriter.doAll(16, Collections.nCopies(16, () -> {
            ids.add(ebs.startSnapshot(request -> request.volumeSize(1L).clientToken("at-once")).snapshotId());
            return null;
        }));
        assertEquals(1, ids.stream().distinct().count());

        clock.forward(Duration.ofHours(25));
        assertNotEquals(first.snapshotId(),
                ebs.startSnapshot(request -> request.volumeSize(1L).clientToken("one")).snapshotId());
    }

    @Test
    void tellsOtherAccountsAndRegionsNothing() throws Exception {
        TestDisk disk = disk(9);
        EbsClient ours = store.newAccount("ours").user().ebs();
        EbsWriter owner = new EbsWriter(ours);
        String done = owner.write(disk);
        String pending = owner.start();
        Block block = owner.list(done).blocks().get(0);
        EbsWriter stranger = new EbsWriter(store.newAccount("theirs").user().ebs());

        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.list(done));
        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.get(done, block));
        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.ebs().listChangedBlocks(
                request -> request.firstSnapshotId(done).secondSnapshotId(done)));
        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.list(pending));
        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.put(pending, 0, block(disk, 0)));
        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.complete(pending, 0));
        assertReason("SNAPSHOT_NOT_FOUND", () -> stranger.complete(done, 0));
        assertReason("DEPENDENCY_RESOURCE_NOT_FOUND", () -> stranger.startUpon(done));
        // Root may see it; a token stays whose it was.
        assertEquals(present(disk).size(), writer.list(done).blocks().size());
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(done, block));
        ours.close();
    }

    @Test
    void bindsTokensToWhatTheyAreFor() {
        TestDisk disk = disk(10);
        String id = writer.write(disk);
        String other = writer.write(disk);
        List<Block> blocks = writer.list(id).blocks();
        String token = blocks.get(0).blockToken();
        int index = blocks.get(0).blockIndex();

        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(id, blocks.get(1).blockIndex(), token));
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(other, index, token));
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(id, index, token.substring(4) + token.substring(0, 4)));
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(id, index, "A".repeat(257)));
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(id, index, "with space"));
        assertReason("INVALID_PAGE_TOKEN",
                () -> ebs.listSnapshotBlocks(request -> request.snapshotId(id).nextToken(token)));
        assertArrayEquals(block(disk, index), writer.get(id, index, token).asByteArray());
        clock.forward(Duration.ofDays(7));
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(id, index, token));
    }

    @Test
    void refusesWhatMakesNoSense() {
        byte[] block = block(disk(11), 0);
        String id = writer.start();
        String unknown = "snap-0123456789abcdef0";

        assertReason("INVALID_VOLUME_SIZE", () -> ebs.startSnapshot(request -> request.volumeSize(0L)));
        assertReason("INVALID_VOLUME_SIZE", () -> ebs.startSnapshot(request -> request.volumeSize(65_537L)));
        assertReason("INVALID_PARAMETER_VALUE", () -> ebs.startSnapshot(request -> request.volumeSize(1L).timeout(9)));
        assertReason("INVALID_PARAMETER_VALUE", () -> ebs.startSnapshot(request -> request.volumeSize(1L).timeout(4321)));
        assertReason("INVALID_PARAMETER_VALUE",
                () -> ebs.startSnapshot(request -> request.volumeSize(1L).description("x".repeat(256))));
        assertReason("INVALID_PARAMETER_VALUE", () -> ebs.startSnapshot(request -> request.volumeSize(1L).encrypted(true)));
        assertReason("INVALID_PARAMETER_VALUE",
                () -> ebs.startSnapshot(request -> request.volumeSize(1L).parentSnapshotId(unknown).encrypted(true)));
        assertReason("INVALID_CUSTOMER_KEY",
                () -> ebs.startSnapshot(request -> request.volumeSize(1L).encrypted(true).kmsKeyArn("mine")));
        assertReason("INVALID_TAG", () -> ebs.startSnapshot(
                request -> request.volumeSize(1L).tags(Tag.builder().key("aws:x").value("").build())));
        assertReason("INVALID_TAG", () -> ebs.startSnapshot(
                request -> request.volumeSize(1L).tags(Tag.builder().key("k".repeat(128)).value("").build())));
        assertReason("INVALID_TAG", () -> ebs.startSnapshot(request -> request.volumeSize(1L)
                .tags(Collections.nCopies(2, Tag.builder().key("twice").value("").build()))));
        assertReason("DEPENDENCY_RESOURCE_NOT_FOUND", () -> writer.startUpon(unknown));
        assertReason("INVALID_SNAPSHOT_ID", () -> writer.startUpon(id));
        assertReason("INVALID_SNAPSHOT_ID", () -> writer.startUpon("ami-1"));

        assertReason("INVALID_BLOCK", () -> writer.put(id, 2048, block));
        assertReason("INVALID_BLOCK", () -> writer.put(id, -1, block));
        assertReason("SNAPSHOT_NOT_FOUND", () -> writer.put(unknown, 0, block));
        assertReason("SNAPSHOT_NOT_FOUND", () -> writer.put("snap-0", 0, block));
        assertReason("INVALID_SNAPSHOT_ID", () -> writer.put("snap-X", 0, block));
        assertReason("INVALID_PARAMETER_VALUE", () -> writer.put(id, 0, new byte[512]));
        assertReason("INVALID_SNAPSHOT_ID", () -> writer.list(id));
        assertReason("INVALID_SNAPSHOT_ID", () -> writer.get(id, 0, "AAAA"));
        assertReason("INVALID_PARAMETER_VALUE", () -> writer.complete(id, 1));
        assertReason("INVALID_PARAMETER_VALUE", () -> writer.complete(id, 0, checksum(new byte[1])));
        assertReason("INVALID_PARAMETER_VALUE", () -> writer.complete(id, 0, "not Base64"));
        assertReason("SNAPSHOT_NOT_FOUND", () -> writer.complete(unknown, 0));

        assertEquals("completed", writer.complete(id, 0, checksum(new byte[0])).statusAsString());
        assertReason("INVALID_SNAPSHOT_ID", () -> writer.put(id, 0, block));
        assertReason("INVALID_BLOCK", () -> writer.get(id, 2048, "AAAA"));
        assertReason("INVALID_BLOCK_TOKEN", () -> writer.get(id, 0, "AAAA"));
        assertReason("INVALID_PARAMETER_VALUE",
                () -> ebs.listSnapshotBlocks(request -> request.snapshotId(id).maxResults(10_001)));
        assertReason("INVALID_PARAMETER_VALUE",
                () -> ebs.listSnapshotBlocks(request -> request.snapshotId(id).startingBlockIndex(-1)));
    }

    @Test
    void letsAnAccountWriteSoManySnapshotsAtATime() {
        for (int i = 0; i < 100; i++) {
            writer.start();
        }

        assertThrows(ConcurrentLimitExceededException.class, () -> writer.start());
    }

    @Test
    void endsASnapshotThatNobodyWritesTo() {
        byte[] block = block(disk(12), 0);
        String id = ebs.startSnapshot(request -> request.volumeSize(1L).timeout(10)).snapshotId();
        writer.put(id, 0, block);
        clock.forward(Duration.ofMinutes(10));

        assertReason("WRITE_REQUEST_TIMEOUT", () -> writer.put(id, 1, block));
        assertEquals("error", writer.complete(id, 1).statusAsString());
    }

    @Test
    void goesOnAfterARestart() throws Exception {
        TestDisk disk = disk(13);
        String id = writer.start();
        for (int index = 0; index < BLOCKS / 2; index++) {
            writer.put(id, index, block(disk, index));
        }

        ebs.close();
        store.restart();
        ebs = store.root().ebs();
        writer = new EbsWriter(ebs);

        for (int index = BLOCKS / 2; index < BLOCKS; index++) {
            writer.put(id, index, block(disk, index));
        }
        assertEquals("completed",
                writer.complete(id, BLOCKS, EbsWriter.linear(disk, BLOCKS)).statusAsString());
        assertComesBack(id, disk);
    }

    private static TestDisk disk(long seed) {
        return TestDisk.random(seed, BLOCKS * BLOCK);
    }

    private static void assertReason(String reason, Executable call) {
        EbsException e = assertThrows(EbsException.class, call);
        String told = e instanceof ValidationException invalid ? invalid.reasonAsString()
                : e instanceof ResourceNotFoundException missing ? missing.reasonAsString()
                : e instanceof AccessDeniedException denied ? denied.reasonAsString()
                : e.getClass().getSimpleName();
        assertEquals(reason, told, e.getMessage());
        assertTrue(e.requestId() != null && !e.requestId().isEmpty(), "every answer has a request id");
    }
}
