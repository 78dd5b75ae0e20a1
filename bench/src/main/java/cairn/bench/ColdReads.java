package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.client.DiskId;
import cairn.client.ImageDownloader;
import cairn.client.NbdReader;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskFormat;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Reads of a store's first disk, at a server that has just started, or has read little else, when the system holds
 * nothing of the store's files. What comes is held against the disk, and that time is not counted.
 */
final class ColdReads {
    private static final int SMALL_BYTES = 4 << 10;
    private static final double MEBIBYTE = 1 << 20;

    private final SettleReport.Collected figures;
    private final BootTrace trace;
    private final int reads;
    private final Path folder;
    private final long[] dataChunks;
    private final long diskSum;

    /**
     * @param disk that is the first of all stores
     * @param reads of each size, here and there
     * @param folder for what is pulled
     */
    ColdReads(SettleReport.Collected figures, DiskSource disk, BootTrace trace, int reads, Path folder) {
        this.figures = figures;
        this.trace = trace;
        this.reads = reads;
        this.folder = folder;
        this.dataChunks = DataChunks.of(disk);
        this.diskSum = sumOf(disk);
    }

    private interface Work {
        void at(StoreClient client, DiskSource disk) throws IOException;
    }

    void run(SettledStore store, int run) throws IOException {
        cold(store, (client, disk) -> {
            random(store, client, disk, Chunk.SIZE_BYTES, 2L * run);
            FileCache.coolFiles(store.dataFolder());
            random(store, client, disk, SMALL_BYTES, 2L * run + 1);
        });
        cold(store, (client, disk) -> {
            boot(store, "boot, cold", client, disk);
            boot(store, "boot, warm", client, disk);
        });
        cold(store, (client, disk) -> {
            all(store, client);
            // Nor is it in the server's caches: what is pulled is read from the store as it is packed.
            FileCache.coolFiles(store.dataFolder());
            pull(store, client);
        });
    }

    private static void cold(SettledStore store, Work work) throws IOException {
        try (MeasuredServer server = store.open();
                DiskSource disk = store.firstDisk()) {
            FileCache.coolFiles(store.dataFolder());
            work.at(server.connect(), disk);
        }
    }

    private void random(SettledStore store, StoreClient client, DiskSource disk, int bytes, long seed) {
        BootTrace here = BootTrace.madeUp(dataChunks, reads, bytes, seed);
        String work = bytes / 1024 + " KiB read, cold";
        long[] nanos = replay(here, store.first().diskUri(client), disk);
        List<Double> micros = Arrays.stream(nanos).mapToObj(each -> each / 1e3).toList();
        figures.add(work + ", p50", "us", store.name(), Spread.percentile(micros, 50));
        figures.add(work + ", p99", "us", store.name(), Spread.percentile(micros, 99));
    }

    private void boot(SettledStore store, String work, StoreClient client, DiskSource disk) {
        long[] nanos = replay(trace, store.bootUri(client), disk);
        figures.add(work, "ms", store.name(), Arrays.stream(nanos).sum() / 1e6);
    }

    private static long[] replay(BootTrace trace, URI uri, DiskSource disk) {
        DiskReads expected = new DiskReads(disk);
        try (NbdReader reader = NbdReader.connect(uri)) {
            return trace.replay(reader, 0, (read, bytes) -> expected.requireEqual(read.offset(), bytes));
        }
    }

    /** Where the disk has nothing is not counted, for neither has it to be read. */
    private void all(SettledStore store, StoreClient client) {
        CRC32C sum = new CRC32C();
        long start = System.nanoTime();
        try (NbdReader reader = NbdReader.connect(store.first().diskUri(client))) {
            reader.readAll((offset, bytes, lengthBytes) -> sum.update(bytes, 0, lengthBytes));
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        requireEqual(sum.getValue(), "the disk, as it is read in order,");
        double mebibytes = dataChunks.length * (Chunk.SIZE_BYTES / MEBIBYTE);
        figures.add("read of all data in order, cold", "MiB/s", store.name(), mebibytes / seconds);
    }

    private void pull(SettledStore store, StoreClient client) {
        Path file = folder.resolve("pulled.raw");
        long start = System.nanoTime();
        new ImageDownloader(client).download(DiskId.of(store.first().id()), file, true, TransferProgress.none());
        figures.add("pull, cold", "s", store.name(), (System.nanoTime() - start) / 1e9);
        try (DiskSource pulled = DiskSource.open(file, Optional.of(DiskFormat.RAW))) {
            requireEqual(sumOf(pulled), "the disk, as it was pulled,");
        }
    }

    private void requireEqual(long sum, String what) {
        if (sum != diskSum) {
            throw new StoreException(
                    Fault.CORRUPT, String.format("%s has CRC-32C %08x, expected %08x", what, sum, diskSum));
        }
    }

    private static long sumOf(DiskSource disk) {
        CRC32C sum = new CRC32C();
        byte[] piece = new byte[1 << 20];
        for (long at = 0; at < disk.sizeBytes(); at += piece.length) {
            int lengthBytes = (int) Math.min(piece.length, disk.sizeBytes() - at);
            disk.read(at, piece, 0, lengthBytes);
            sum.update(piece, 0, lengthBytes);
        }
        return sum.getValue();
    }
}
