package cairn.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.api.Messages;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.client.DiskId;
import cairn.client.ImageVerifier;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.Block;
import software.amazon.awssdk.services.ebs.model.ListSnapshotBlocksResponse;

/**
 * One disk that comes in by three doors is one content: it has one root digest, is stored once, and reads equal through
 * every door.
 */
class SameContentTest {
    private static final long GIB = 1L << 30;
    private static final int BLOCK = EbsWriter.BLOCK;
    private static final int THREADS = 8;

    @TempDir
    private Path folder;

    /** By which a disk comes into a store. */
    private enum Door {
        PUSH,
        EBS_DIRECT,
        NBD
    }

    /** A disk's file, and what is in it. */
    private record DiskFile(Path path, long sizeBytes, Set<ChunkId> chunks) {
        static DiskFile read(Path path) throws IOException {
            Set<ChunkId> chunks = new HashSet<>();
            long sizeBytes = forEachBlock(path, (index, block) -> {
                for (int at = 0; at < BLOCK; at += Chunk.SIZE_BYTES) {
                    chunks.add(Chunk.idOf(block, at));
                }
            });
            chunks.remove(ChunkId.ABSENT);
            return new DiskFile(path, sizeBytes, chunks);
        }

        private interface Visitor {
            void visit(int index, byte[] block) throws IOException;
        }

        /** Goes through all blocks. @return how many bytes they are */
        static long forEachBlock(Path path, Visitor visitor) throws IOException {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
                byte[] block = new byte[BLOCK];
                int count = Math.toIntExact(file.length() / BLOCK);
                for (int index = 0; index < count; index++) {
                    file.readFully(block);
                    visitor.visit(index, block);
                }
                return file.length();
            }
        }
    }

    /** A GiB with data here and there: text, noise, chunks that come again, and holes of all sizes. */
    private DiskFile mixedDisk() throws IOException {
        Path path = folder.resolve("mixed.raw");
        Random random = new Random(4);
        byte[] repeated = new byte[Chunk.SIZE_BYTES];
        random.nextBytes(repeated);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(GIB);
            for (long run = 0; run < GIB; run += (1 + random.nextInt(1000)) * Chunk.SIZE_BYTES) {
                file.seek(run);
                for (int chunks = random.nextInt(120); chunks > 0 && file.getFilePointer() < GIB; chunks--) {
                    file.write(mixedChunk(random, repeated));
                }
            }
            file.seek(GIB - Chunk.SIZE_BYTES);
            file.write(repeated);
        }
        return DiskFile.read(path);
    }

    private static byte[] mixedChunk(Random random, byte[] repeated) {
        byte[] chunk = new byte[Chunk.SIZE_BYTES];
        switch (random.nextInt(4)) {
            case 0 -> random.nextBytes(chunk);
            case 1 -> Arrays.fill(chunk, (byte) random.nextInt());
            case 2 -> {
                for (int i = 0; i < chunk.length; i += 32) {
                    chunk[i + random.nextInt(32)] = (byte) ('a' + random.nextInt(26));
                }
            }
            default -> {
                return repeated;
            }
        }
        return chunk;
    }

    @Test
    void aDiskThatCameInByEbsDirectFirstIsOneContent() throws Exception {
        assertIsOneContent(mixedDisk(), Door.EBS_DIRECT);
    }

    @Test
    void aDebianDiskThatWasPushedFirstIsOneContent() throws Exception {
        assertIsOneContent(DiskFile.read(DebianDisks.get().base()), Door.PUSH);
    }

    private void assertIsOneContent(DiskFile disk, Door first) throws Exception {
        List<Door> doors = new ArrayList<>(List.of(Door.values()));
        Collections.swap(doors, 0, first.ordinal());
        try (TestStore store = new TestStore(folder.resolve("data"))) {
            AwsUser user = store.newAccount("ci").user();
            Map<Door, DiskId> disks = new EnumMap<>(Door.class);
            for (Door door : doors) {
                disks.put(door, bring(user, disk, door));
                assertStoredOnce(store.root().store().stats(), disk, door);
            }

            assertOneRootDigest(user.store(), disks);
            for (DiskId each : disks.values()) {
                assertReadsByPull(user, each, disk);
                assertReadsByEbsDirect(user, each, disk);
                assertReadsOverNbd(user.store(), each, disk);
            }
            assertProvesAndDoesNotDiffer(user.store(), disks);
        }
    }

    private DiskId bring(AwsUser user, DiskFile disk, Door door) throws Exception {
        return switch (door) {
            case PUSH -> new DiskId(
                    new StoreUser(user.store(), folder).push(disk.path, "pushed").image().id());
            case EBS_DIRECT -> new DiskId(writeByEbsDirect(user, disk));
            case NBD -> new DiskId(writeOverNbd(user.store(), disk));
        };
    }

    private static String writeByEbsDirect(AwsUser user, DiskFile disk) throws Exception {
        try (EbsClient ebs = user.ebs()) {
            EbsWriter writer = new EbsWriter(ebs);
            String id = ebs.startSnapshot(request -> request.volumeSize(disk.sizeBytes / GIB)).snapshotId();
            List<Integer> written = new ArrayList<>();
            DiskFile.forEachBlock(disk.path, (index, block) -> {
                if (!isZero(block)) {
                    writer.put(id, index, block);
                    written.add(index);
                }
            });
            writer.complete(id, written.size());
            return id;
        }
    }

    private static boolean isZero(byte[] bytes) {
        return Arrays.mismatch(bytes, new byte[bytes.length]) < 0;
    }

    private static String writeOverNbd(StoreClient client, DiskFile disk) throws Exception {
        VolumeId volume = new VolumeId(
                client.createVolume(new Messages.CreateVolume(null, disk.sizeBytes, null, null, null)).id());
        try (NbdDisk nbd = NbdDisk.open(URI.create(client.exportUri(volume).uri()))) {
            DiskFile.forEachBlock(disk.path, (index, block) -> {
                if (!isZero(block)) {
                    nbd.write((long) index * BLOCK, block, false);
                }
            });
            nbd.flush();
        }
        Messages.Snapshot started = client.startSnapshot(volume, new Messages.CreateSnapshot(null, null));
        return new SnapshotWatch(client, Retry.never()).await(started, TransferProgress.none()).id();
    }

    private static void assertStoredOnce(Messages.Stats stats, DiskFile disk, Door door) {
        assertEquals(disk.chunks.size(), stats.chunks(), "chunks after " + door);
        assertEquals((long) disk.chunks.size() * Chunk.SIZE_BYTES, stats.uniqueBytes(), "bytes after " + door);
    }

    private static void assertOneRootDigest(StoreClient client, Map<Door, DiskId> disks) {
        Set<String> digests = disks.values().stream()
                .map(id -> rootDigest(client, id))
                .collect(Collectors.toSet());
        assertEquals(1, digests.size(), digests.toString());
    }

    private static String rootDigest(StoreClient client, DiskId id) {
        return id.isImage()
                ? client.image(new ImageId(id.value())).rootDigest()
                : client.snapshot(new SnapshotId(id.value())).rootDigest();
    }

    private void assertReadsByPull(AwsUser user, DiskId id, DiskFile disk) throws IOException {
        new StoreUser(user.store(), folder).assertComesBack(id.value(), disk.path);
    }

    /** What is listed reads as it is, and what is not is zeros. */
    private static void assertReadsByEbsDirect(AwsUser user, DiskId id, DiskFile disk) throws Exception {
        try (EbsClient ebs = user.ebs()) {
            EbsWriter writer = new EbsWriter(ebs);
            String snapshot = id.isImage() ? user.store().image(new ImageId(id.value())).snapshot() : id.value();
            Map<Integer, Block> listed = list(ebs, snapshot).stream()
                    .collect(Collectors.toMap(Block::blockIndex, block -> block));
            List<Callable<Void>> reads = new ArrayList<>();
            DiskFile.forEachBlock(disk.path, (index, block) -> {
                Block found = listed.remove(index);
                assertEquals(isZero(block), found == null, "block " + index + " of " + id);
                if (found != null) {
                    byte[] expected = block.clone();
                    reads.add(() -> {
                        assertArrayEquals(expected, writer.get(snapshot, found), "block " + index + " of " + id);
                        return null;
                    });
                }
                if (reads.size() == THREADS) {
                    doAll(reads);
                }
            });
            doAll(reads);
            assertEquals(Map.of(), listed);
        }
    }

    private static List<Block> list(EbsClient ebs, String snapshot) {
        List<Block> all = new ArrayList<>();
        String token = null;
        do {
            String from = token;
            ListSnapshotBlocksResponse page =
                    ebs.listSnapshotBlocks(request -> request.snapshotId(snapshot).maxResults(500).nextToken(from));
            all.addAll(page.blocks());
            token = page.nextToken();
        } while (token != null);
        return all;
    }

    /** Does these, and empties the list. */
    private static void doAll(List<Callable<Void>> reads) {
        try {
            EbsWriter.doAll(THREADS, reads);
        } catch (Exception e) {
            throw new AssertionError("not all blocks could be read", e);
        }
        reads.clear();
    }

    private static void assertReadsOverNbd(StoreClient client, DiskId id, DiskFile disk) throws IOException {
        try (NbdDisk nbd = NbdDisk.open(URI.create(client.exportUri(id).uri()))) {
            assertEquals(disk.sizeBytes, nbd.sizeBytes());
            DiskFile.forEachBlock(disk.path, (index, block) ->
                    assertArrayEquals(block, nbd.read((long) index * BLOCK, BLOCK), "block " + index + " of " + id));
        }
    }

    private static void assertProvesAndDoesNotDiffer(StoreClient client, Map<Door, DiskId> disks) {
        for (DiskId one : disks.values()) {
            String digest = new ImageVerifier(client).verify(one, TransferProgress.none()).rootDigest().toString();
            assertEquals(rootDigest(client, one), digest);
            for (DiskId other : disks.values()) {
                assertEquals(List.of(), client.diff(one, other, 0).ranges(), one + " and " + other);
            }
        }
    }

    @Test
    void otherPeoplesProgramsReadWhatEbsDirectHasWritten() throws Exception {
        Tools.require("qemu-img", "nbdcopy");
        DiskFile disk = mixedDisk();
        try (TestStore store = new TestStore(folder.resolve("data"))) {
            AwsUser user = store.newAccount("ci").user();
            String uri = user.store().exportUri(bring(user, disk, Door.EBS_DIRECT)).uri();
            Path copy = folder.resolve("copy.raw");

            Tools.run("qemu-img", "compare", "-f", "raw", "-F", "raw", disk.path.toString(), uri).success();
            Tools.run("nbdcopy", uri, copy.toString()).success();

            assertEquals(-1, Files.mismatch(disk.path, copy));
        }
    }
}
