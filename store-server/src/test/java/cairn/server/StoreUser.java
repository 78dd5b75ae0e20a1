package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.chunk.Codec;
import cairn.client.DiskId;
import cairn.client.ImageDownloader;
import cairn.client.ImageUploader;
import cairn.client.Retry;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.server.storage.TestDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;

/**
 * Somebody who brings disks to a store and wants them back, through the client library.
 *
 * @param folder for files of theirs
 */
record StoreUser(StoreClient client, Path folder) {
    private static final int WORKERS = 2;
    private static final int SMALL_DISK_BYTES = 3 << 20;

    /** Pushes with one try for each request. */
    ImageUploader.Result push(Path disk, String name) {
        try (DiskSource source = DiskSource.open(disk, Optional.empty())) {
            return new ImageUploader(client, new ImageUploader.Settings(WORKERS, Codec.LZ4, Retry.never()))
                    .upload(source, NewImage.of(new ImageName(name)), TransferProgress.none());
        }
    }

    /** Pulls an image, and compares every byte. */
    void assertComesBack(String id, Path disk) throws IOException {
        Path back = folder.resolve("back-" + UUID.randomUUID());
        new ImageDownloader(client, new ImageDownloader.Settings(WORKERS, Retry.never()))
                .download(new DiskId(id), back, false, TransferProgress.none());
        assertEquals(-1, Files.mismatch(disk, back), id + " is the disk that was pushed");
        Files.delete(back);
    }

    /** Shows that the store takes a disk that it has never seen, and gives it back. */
    void assertStoreWorks() throws IOException {
        long seed = System.nanoTime();
        Path disk = folder.resolve("small-" + seed);
        Files.write(disk, TestDisk.random(seed, SMALL_DISK_BYTES).bytes());
        assertComesBack(push(disk, "still works " + seed).image().id(), disk);
        Files.delete(disk);
    }

    /** A disk that packs to nothing less, and no two chunks of which are equal. */
    Path noiseDisk(long seed, int sizeBytes) throws IOException {
        byte[] noise = new byte[sizeBytes];
        new Random(seed).nextBytes(noise);
        return Files.write(folder.resolve("noise-" + seed), noise);
    }
}
