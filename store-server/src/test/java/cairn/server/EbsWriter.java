package cairn.server;

import cairn.Digest;
import cairn.server.storage.TestDisk;
import cairn.server.upload.BlockUploads;
import java.io.ByteArrayOutputStream;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.Block;
import software.amazon.awssdk.services.ebs.model.ChecksumAggregationMethod;
import software.amazon.awssdk.services.ebs.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.ebs.model.CompleteSnapshotResponse;
import software.amazon.awssdk.services.ebs.model.GetSnapshotBlockResponse;
import software.amazon.awssdk.services.ebs.model.ListSnapshotBlocksResponse;
import software.amazon.awssdk.services.ebs.model.PutSnapshotBlockResponse;

/** Writes and reads snapshots by EBS direct, as coldsnap and others do. */
record EbsWriter(EbsClient ebs) {
    static final int BLOCK = BlockUploads.BLOCK_BYTES;

    /** Begins a snapshot of a GiB. */
    String start() {
        return ebs.startSnapshot(request -> request.volumeSize(1L)).snapshotId();
    }

    /** Begins a snapshot of a GiB upon another. */
    String startUpon(String parent) {
        return ebs.startSnapshot(request -> request.volumeSize(1L).parentSnapshotId(parent)).snapshotId();
    }

    PutSnapshotBlockResponse put(String snapshot, int index, byte[] block) {
        return ebs.putSnapshotBlock(
                request -> request.snapshotId(snapshot)
                        .blockIndex(index)
                        .dataLength(block.length)
                        .checksum(checksum(block))
                        .checksumAlgorithm(ChecksumAlgorithm.SHA256),
                RequestBody.fromBytes(block));
    }

    CompleteSnapshotResponse complete(String snapshot, int blocks) {
        return ebs.completeSnapshot(request -> request.snapshotId(snapshot).changedBlocksCount(blocks));
    }

    CompleteSnapshotResponse complete(String snapshot, int blocks, String linear) {
        return ebs.completeSnapshot(request -> request.snapshotId(snapshot)
                .changedBlocksCount(blocks)
                .checksum(linear)
                .checksumAlgorithm(ChecksumAlgorithm.SHA256)
                .checksumAggregationMethod(ChecksumAggregationMethod.LINEAR));
    }

    /** Writes all blocks of a disk that begins a snapshot of a GiB. */
    String write(TestDisk disk) {
        String snapshot = start();
        int count = disk.sizeBytes() / BLOCK;
        for (int index = 0; index < count; index++) {
            put(snapshot, index, block(disk, index));
        }
        complete(snapshot, count);
        return snapshot;
    }

    ListSnapshotBlocksResponse list(String snapshot) {
        return ebs.listSnapshotBlocks(request -> request.snapshotId(snapshot));
    }

    byte[] get(String snapshot, Block block) {
        return get(snapshot, block.blockIndex(), block.blockToken()).asByteArray();
    }

    ResponseBytes<GetSnapshotBlockResponse> get(String snapshot, int index, String token) {
        return ebs.getSnapshotBlockAsBytes(
                request -> request.snapshotId(snapshot).blockIndex(index).blockToken(token));
    }

    /** Does all of these, so many at a time, and waits until they are done. */
    static void doAll(int threads, List<Callable<Void>> tasks) throws Exception {
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        try {
            for (Future<Void> each : workers.invokeAll(tasks)) {
                each.get();
            }
        } finally {
            workers.shutdown();
        }
    }

    static byte[] block(TestDisk disk, int index) {
        return disk.bytes((long) index * BLOCK, BLOCK);
    }

    static String checksum(byte[] bytes) {
        return Base64.getEncoder().encodeToString(Digest.of(bytes).toBytes());
    }

    /** The checksum over the checksums of a disk's first blocks. */
    static String linear(TestDisk disk, int blocks) {
        ByteArrayOutputStream digests = new ByteArrayOutputStream();
        for (int index = 0; index < blocks; index++) {
            digests.writeBytes(Digest.of(block(disk, index)).toBytes());
        }
        return checksum(digests.toByteArray());
    }
}
