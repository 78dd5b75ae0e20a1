package cairn.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageTransferTest {
    private static final long MIB = 1 << 20;
    private static final Retry QUICK = new Retry(4, Duration.ofMillis(1));
    private static final ImageUploader.Settings PUSH = new ImageUploader.Settings(3, Codec.LZ4, QUICK);
    private static final ImageDownloader.Settings PULL = new ImageDownloader.Settings(3, QUICK);

    @TempDir
    private Path folder;

    private FakeStore store;

    @BeforeEach
    void startStore() throws IOException {
        store = FakeStore.start();
    }

    @AfterEach
    void stopStore() {
        store.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {512, 65536, 65536 + 512, 16 * 1048576, 16 * 1048576 + 512, 100 * 1048576 + 1536})
    void bringsBackWhatWasPushed(long sizeBytes) throws IOException {
        Path disk = disk("disk", sizeBytes, 7);

        DiskId id = idOf(push(disk, "some disk"));
        Path back = folder.resolve("back");
        ImageDownloader.Result result =
                new ImageDownloader(store.client(), PULL).download(id, back, false, TransferProgress.none());

        assertEquals(-1, Files.mismatch(disk, back));
        assertEquals(sizeBytes, result.logicalBytes());
        assertTrue(new ImageVerifier(store.client(), 2, QUICK).verify(id, TransferProgress.none()).chunks() > 0);
    }

    @ParameterizedTest
    @EnumSource(Codec.class)
    void packsAsItIsTold(Codec codec) throws IOException {
        Path disk = disk("disk", 3 * MIB, 7);

        ImageUploader.Result result;
        try (DiskSource source = DiskSource.open(disk)) {
            result = new ImageUploader(store.client(), PUSH.withCodec(codec))
                    .upload(source, registration("some disk"), TransferProgress.none());
        }

        assertEquals(codec == Codec.PLAIN, result.sentBytes() > result.chunksSent() * Chunk.SIZE_BYTES);
    }

    @Test
    void sendsEachChunkOnceAndNothingTheStoreHas() throws IOException {
        Path disk = disk("disk", 40 * MIB, 7);

        ImageUploader.Result first = pushAlone(disk, "first");
        ImageUploader.Result second = pushAlone(disk, "second");

        assertEquals(store.chunkIds().size(), first.chunksSent());
        assertEquals(0, second.chunksSent());
        assertEquals(first.chunks(), second.chunksKnown());
        assertEquals(first.chunksSent(), store.chunksReceived.sum());
    }

    @Test
    void asksByIdsAloneWhereTheStoreHasTheDiskAndBySendingPagesWhereItHasNot() throws IOException {
        Path disk = disk("disk", 100 * MIB, 7);

        pushAlone(disk, "new");
        assertEquals(List.of(1L, 7L), List.of(store.knownAsks.sum(), store.asks.sum()));

        pushAlone(disk, "the same");
        assertEquals(List.of(1L + 7, 7L), List.of(store.knownAsks.sum(), store.asks.sum()));

        change(disk, 40 * MIB);
        ImageUploader.Result changed = pushAlone(disk, "changed in its third page");
        assertEquals(1, changed.chunksSent());
        // By its id and whole; whole, and found to be known; by their ids.
        assertEquals(List.of(8L + 3 + 3, 7L + 2), List.of(store.knownAsks.sum(), store.asks.sum()));
    }

    @Test
    void pushesToAStoreThatIsOlderThanQuestionsByIds() throws IOException {
        store.isOlderThanKnown = true;
        Path disk = disk("disk", 40 * MIB, 7);

        pushAlone(disk, "new");
        ImageUploader.Result again = pushAlone(disk, "the same");

        assertEquals(0, again.chunksSent());
        assertEquals(2 * 3, store.asks.sum());
        assertEquals(2, store.knownAsks.sum(), "each push has tried it once");
    }

    @Test
    void readsNoHoleAndWritesNone() throws IOException {
        MadeUpDisk disk = new MadeUpDisk(9L << 40)
                .fill(3 * MIB, 100, 1)
                .fill((5L << 40) + 12345, 70000, 2)
                .fill((9L << 40) - 512, 512, 3);

        ImageUploader.Result result = new ImageUploader(store.client(), PUSH)
                .upload(disk, registration("huge"), TransferProgress.none());
        ImageVerifier.Proof proof =
                new ImageVerifier(store.client(), 2, QUICK).verify(idOf(result), TransferProgress.none());
        ImageVerifier.Comparison same =
                new ImageVerifier(store.client(), 2, QUICK).compare(idOf(result), disk, TransferProgress.none());

        assertEquals(100 + 70000 + 512, result.dataBytes());
        assertEquals(4, result.chunks());
        assertEquals(4, proof.chunks());
        assertTrue(same.isEqual());
    }

    @Test
    void needsNoMoreMemoryForALargeDiskThanForASmallOne() {
        long dataBytes = 3 * Runtime.getRuntime().maxMemory() / 2;
        MadeUpDisk disk = new MadeUpDisk(1L << 40).fill(0, dataBytes - dataBytes % 512, 5);

        ImageUploader.Result result = new ImageUploader(store.client(), PUSH)
                .upload(disk, registration("large"), TransferProgress.none());

        assertTrue(result.dataBytes() > Runtime.getRuntime().maxMemory(), result.toString());
        assertEquals(result.dataBytes(), disk.readBytes.sum());
    }

    @Test
    void leavesHolesInTheFile() throws IOException {
        MadeUpDisk disk = new MadeUpDisk(1L << 30).fill(512 * MIB, MIB, 9);
        ImageUploader.Result result = new ImageUploader(store.client(), PUSH)
                .upload(disk, registration("sparse"), TransferProgress.none());

        Path back = folder.resolve("back");
        ImageDownloader.Result pulled = new ImageDownloader(store.client(), PULL)
                .download(idOf(result), back, false, TransferProgress.none());

        assertEquals(MIB, pulled.dataBytes());
        assertEquals(1L << 30, Files.size(back));
        assertTrue((int) Files.getAttribute(back, "unix:nlink") == 1);
        try (DiskSource written = DiskSource.open(back)) {
            assertEquals(MIB, LeafWindow.dataBytes(written));
        }
    }

    @Test
    void registersADiskOfZeros() throws IOException {
        ImageUploader.Result result = new ImageUploader(store.client(), PUSH)
                .upload(new MadeUpDisk(70 * MIB).fill(0, MIB, 0), registration("zeros"), TransferProgress.none());
        Path back = folder.resolve("back");
        new ImageDownloader(store.client(), PULL).download(idOf(result), back, false, TransferProgress.none());

        assertEquals(0, result.chunks());
        assertEquals(70 * MIB, Files.size(back));
    }

    @Test
    void refusesADiskThatChangesWhileItIsRead() throws IOException {
        Path disk = disk("disk", 40 * MIB, 7);
        AtomicBoolean isChanged = new AtomicBoolean();

        StoreException failure = assertThrows(StoreException.class, () -> {
            try (DiskSource source = DiskSource.open(disk)) {
                new ImageUploader(store.client(), PUSH).upload(source, registration("some disk"), (done, total, sent) -> {
                    if (done > 0 && isChanged.compareAndSet(false, true)) {
                        change(disk, 0);
                    }
                });
            }
        });

        assertEquals(Fault.CONFLICT, failure.fault());
        assertEquals(List.of(), store.client().images("").images());
    }

    @Test
    void repeatsWhatABusyOrBrokenConnectionLost() throws IOException {
        Path disk = disk("disk", 60 * MIB, 7);
        AtomicInteger troubles = new AtomicInteger();
        store.trouble = (exchange, number) -> {
            boolean isIdempotent = exchange.getRequestURI().getPath().matches(".*/(known|ask|items|pages|chunks|images/.*)");
            if (!isIdempotent || number % 3 != 0) {
                return false;
            }
            if (troubles.incrementAndGet() % 2 == 0) {
                exchange.sendResponseHeaders(503, -1);
            }
            return true;
        };

        DiskId id = idOf(pushWith(disk, "some disk", new Retry(40, Duration.ofMillis(1))));
        new ImageDownloader(store.client(), new ImageDownloader.Settings(3, new Retry(40, Duration.ofMillis(1))))
                .download(id, folder.resolve("back"), false, TransferProgress.none());

        assertTrue(troubles.get() > 4, troubles + " troubles");
        assertEquals(-1, Files.mismatch(disk, folder.resolve("back")));
    }

    @Test
    void sendsWhatTheStoreHasLostSinceItWasAsked() throws IOException {
        Path disk = disk("disk", 10 * MIB, 7);
        pushAlone(disk, "before");
        change(disk, 3 * MIB);
        ChunkId known = Chunk.idOf(Files.readAllBytes(disk), 0);
        AtomicInteger batches = new AtomicInteger();
        store.trouble = (exchange, number) -> {
            if (exchange.getRequestURI().getPath().endsWith("/items") && batches.incrementAndGet() == 1) {
                store.lose(known);
            }
            return false;
        };

        ImageUploader.Result result = pushAlone(disk, "after");

        assertEquals(2, result.chunksSent(), "the changed one, and the one that was lost");
        assertTrue(store.chunkIds().contains(known));
    }

    @Test
    void givesUpWhenTheServerStaysAwayAndGoesOnWhereItStopped() throws IOException {
        Path disk = disk("disk", 80 * MIB, 7);
        store.trouble = (exchange, number) -> {
            if (number > 6) {
                exchange.sendResponseHeaders(503, -1);
            }
            return number > 6;
        };

        StoreException failure = assertThrows(StoreException.class, () -> pushAlone(disk, "some disk"));
        long sentBefore = store.chunksReceived.sum();
        store.trouble = (exchange, number) -> false;
        ImageUploader.Result result = pushAlone(disk, "some disk");

        assertEquals(Fault.UNAVAILABLE, failure.fault());
        assertTrue(sentBefore > 0);
        assertEquals(store.chunkIds().size(), sentBefore + result.chunksSent());
    }

    @Test
    void stopsAllWorkersAtTheFirstFailure() throws Exception {
        Path disk = disk("disk", 160 * MIB, 7);
        AtomicInteger after = new AtomicInteger();
        store.trouble = (exchange, number) -> {
            if (number > 3) {
                after.incrementAndGet();
                exchange.sendResponseHeaders(507, -1);
            }
            return number > 3;
        };

        StoreException failure = assertThrows(StoreException.class, () -> push(disk, "some disk"));

        assertEquals(Fault.NO_SPACE, failure.fault());
        assertTrue(after.get() <= 2 * PUSH.workers(), after + " requests after the failure");
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("push-")) {
                thread.join(1000);
                assertFalse(thread.isAlive(), thread.getName());
            }
        }
    }

    @Test
    void saysWhoseNameIsTaken() throws IOException {
        Path disk = disk("disk", MIB, 7);
        push(disk, "some disk");

        StoreException failure = assertThrows(StoreException.class, () -> push(disk, "some disk"));

        assertEquals(Fault.CONFLICT, failure.fault());
        assertTrue(failure.getMessage().contains("some disk"));
    }

    @Test
    void refusesDamagedChunksAndLeavesNothingBehind() throws IOException {
        DiskId id = idOf(push(disk("disk", 20 * MIB, 7), "some disk"));
        ChunkId damaged = store.chunkIds().iterator().next();
        store.damage(damaged);
        Path target = Files.createDirectory(folder.resolve("target"));

        StoreException failure = assertThrows(
                StoreException.class,
                () -> new ImageDownloader(store.client(), PULL)
                        .download(id, target.resolve("back"), false, TransferProgress.none()));
        StoreException proof = assertThrows(
                StoreException.class,
                () -> new ImageVerifier(store.client(), 2, QUICK).verify(id, TransferProgress.none()));
        store.forget(damaged);
        StoreException lost = assertThrows(
                StoreException.class,
                () -> new ImageVerifier(store.client(), 2, QUICK).verify(id, TransferProgress.none()));

        assertEquals(Fault.CORRUPT, failure.fault());
        assertTrue(failure.getMessage().contains(damaged.toString()), failure.getMessage());
        assertEquals(Fault.CORRUPT, proof.fault());
        assertEquals(Fault.CORRUPT, lost.fault());
        try (Stream<Path> left = Files.list(target)) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void replacesAFileOnlyWhenTold() throws IOException {
        Path disk = disk("disk", MIB, 7);
        DiskId id = idOf(push(disk, "some disk"));
        Path target = Files.writeString(folder.resolve("target"), "precious");
        ImageDownloader downloader = new ImageDownloader(store.client(), PULL);

        StoreException failure = assertThrows(
                StoreException.class, () -> downloader.download(id, target, false, TransferProgress.none()));
        assertEquals(Fault.CONFLICT, failure.fault());
        assertEquals("precious", Files.readString(target));

        downloader.download(id, target, true, TransferProgress.none());
        assertEquals(-1, Files.mismatch(disk, target));
    }

    @Test
    void tellsWhereAFileDiffers() throws IOException {
        Path disk = disk("disk", 300 * MIB, 7);
        DiskId id = idOf(push(disk, "some disk"));
        ImageVerifier verifier = new ImageVerifier(store.client(), 2, QUICK);
        change(disk, 40 * MIB + 4321);
        change(disk, 250 * MIB);

        ImageVerifier.Comparison found;
        try (DiskSource source = DiskSource.open(disk)) {
            found = verifier.compare(id, source, TransferProgress.none());
        }

        assertFalse(found.isEqual());
        assertEquals(40 * MIB + 4321, found.firstDifferentOffset());
        assertEquals(2, found.chunksDifferent());
    }

    @Test
    void tellsThatAFileIsLonger() throws IOException {
        Path disk = disk("disk", 10 * MIB, 7);
        DiskId id = idOf(push(disk, "some disk"));
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(40 * MIB);
        }

        ImageVerifier.Comparison found;
        try (DiskSource source = DiskSource.open(disk)) {
            found = new ImageVerifier(store.client(), 2, QUICK).compare(id, source, TransferProgress.none());
        }

        assertFalse(found.isEqual());
        assertEquals(10 * MIB, found.firstDifferentOffset());
        assertEquals(0, found.chunksDifferent());
    }

    @Test
    void reportsProgressUpToTheEnd() throws IOException {
        Path disk = disk("disk", 50 * MIB, 7);
        long[] last = new long[2];

        try (DiskSource source = DiskSource.open(disk)) {
            new ImageUploader(store.client(), PUSH).upload(source, registration("some disk"), (done, total, sent) -> {
                assertTrue(done >= last[0]);
                last[0] = done;
                last[1] = total;
            });
        }

        assertEquals(last[1], last[0]);
        assertTrue(last[0] > 0);
    }

    private ImageUploader.Result push(Path disk, String name) {
        return pushWith(disk, name, QUICK);
    }

    /** With one worker: two may send the same chunk at the same time. */
    private ImageUploader.Result pushAlone(Path disk, String name) {
        return pushWith(disk, name, 1, QUICK);
    }

    private ImageUploader.Result pushWith(Path disk, String name, Retry retry) {
        return pushWith(disk, name, 3, retry);
    }

    private ImageUploader.Result pushWith(Path disk, String name, int workers, Retry retry) {
        try (DiskSource source = DiskSource.open(disk)) {
            return new ImageUploader(store.client(), new ImageUploader.Settings(workers, Codec.LZ4, retry))
                    .upload(source, registration(name), TransferProgress.none());
        }
    }

    private static NewImage registration(String name) {
        return NewImage.of(new ImageName(name));
    }

    private static DiskId idOf(ImageUploader.Result result) {
        return new DiskId(result.image().id());
    }

    /** A raw disk with text and noise, some of it repeated, and holes. */
    private Path disk(String name, long sizeBytes, long seed) throws IOException {
        Path file = folder.resolve(name);
        Random random = new Random(seed);
        byte[] noise = new byte[Chunk.SIZE_BYTES];
        random.nextBytes(noise);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(sizeBytes);
            for (long offset = 0; offset < sizeBytes; offset += Chunk.SIZE_BYTES) {
                int lengthBytes = (int) Math.min(Chunk.SIZE_BYTES, sizeBytes - offset);
                int kind = random.nextInt(8);
                out.seek(offset);
                if (offset == 0 || kind < 3) {
                    String line = "line " + random.nextInt() + '\n';
                    byte[] text = line.repeat(lengthBytes / line.length() + 1).getBytes(StandardCharsets.UTF_8);
                    out.write(text, 0, lengthBytes);
                } else if (kind < 4) {
                    out.write(noise, 0, lengthBytes);
                }
            }
        }
        return file;
    }

    private static void change(Path disk, long offset) {
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.seek(offset);
            int old = file.read();
            file.seek(offset);
            file.write(old + 1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
