package cairn.server.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.StoreKey;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.DomainId;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.storage.Storage;
import cairn.server.volume.BootOrder;
import cairn.server.volume.BootProfile;
import cairn.server.volume.BootRecording;
import cairn.StoreException;
import cairn.tree.TreeRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.Test;

class BootProfileRegistryTest {
    private static final Caller US = new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));
    private static final TreeRoot DISK = TreeRoot.of(1 << 20, Digest.of(new byte[] {1}));

    @TempDir
    private Path folder;

    private Storage storage;
    private Catalog catalog;
    private ImageRegistry images;
    private BootProfileRegistry profiles;

    @BeforeEach
    void open() throws IOException {
        storage = RocksStorage.open(folder.resolve("data"));
        catalog = storage.catalog();
        images = new ImageRegistry(catalog, new SnapshotRegistry(catalog), new StoreKey(new byte[32]), Clock.systemUTC());
        profiles = new BootProfileRegistry(catalog);
    }

    @AfterEach
    void close() {
        storage.close();
    }

    private ImageId image(String name, Optional<ImageId> parent) {
        NewImage wanted =
                new NewImage(new ImageName(name), "", Architecture.X86_64, Optional.empty(), parent, Map.of());
        return images.register(US, wanted, DISK, Encryption.Choice.PLAIN, List.of()).id();
    }

    private static BootRecording boot(long... touched) {
        return new BootRecording(Instant.parse("2026-11-23T10:00:00Z"), BootOrder.of(touched), 3, 2, 1, 1);
    }

    @Test
    void keepsTheLastBootsOfAnImageOverARestart() throws IOException {
        ImageId image = image("web", Optional.empty());
        assertEquals(Optional.empty(), profiles.find(image));

        for (long n = 0; n < 10; n++) {
            profiles.add(image, boot(0, 1, 5, 10 + n));
        }
        BootProfile before = profiles.find(image).orElseThrow();
        close();
        open();

        BootProfile profile = profiles.find(image).orElseThrow();
        assertEquals(before, profile);
        assertEquals(image, profile.image());
        assertEquals(10, profile.boots());
        assertEquals(BootProfile.RECORDINGS_MAX, profile.recordings().size());
        assertEquals(boot(0, 1, 5, 13), profile.recordings().get(0), "the oldest that is kept");
        assertEquals(BootOrder.of(0, 1, 5), profile.order());
    }

    @Test
    void aChildInheritsTheNearestProfileUntilItHasItsOwn() {
        ImageId oldest = image("oldest", Optional.empty());
        ImageId parent = image("parent", Optional.of(oldest));
        ImageId middle = image("middle", Optional.of(parent));
        ImageId child = image("child", Optional.of(middle));
        profiles.add(oldest, boot(1, 2, 3));
        profiles.add(parent, boot(4, 5, 6));

        assertEquals(parent, profiles.find(child).orElseThrow().image());
        assertEquals(BootOrder.of(4, 5, 6), profiles.find(child).orElseThrow().order());

        profiles.add(child, boot(7, 8, 9));

        assertEquals(child, profiles.find(child).orElseThrow().image());
        assertEquals(1, profiles.find(child).orElseThrow().boots());
        assertEquals(parent, profiles.find(middle).orElseThrow().image());
    }

    @Test
    void looksUpALineageOnlySoFar() {
        ImageId oldest = image("oldest", Optional.empty());
        profiles.add(oldest, boot(1, 2, 3));
        ImageId image = oldest;
        for (int n = 0; n < BootProfileRegistry.ANCESTORS_MAX; n++) {
            image = image("image-" + n, Optional.of(image));
        }

        assertTrue(profiles.find(image).isPresent());
        assertEquals(Optional.empty(), profiles.find(image("one-more", Optional.of(image))));
    }

    @Test
    void aProfileGoesWithItsImage() {
        ImageId image = image("web", Optional.empty());
        profiles.add(image, boot(1, 2, 3));

        images.remove(US, image);
        profiles.add(image, boot(1, 2, 3));

        assertEquals(Optional.empty(), profiles.find(image));
        assertEquals(List.of(), catalog.list("", "", 10), "nothing is left behind");
    }

    @Test
    void bootsThatEndAtTheSameTimeAreAllKept() throws InterruptedException {
        ImageId image = image("web", Optional.empty());
        List<Thread> threads = new ArrayList<>();
        for (long n = 0; n < 6; n++) {
            long own = n;
            threads.add(new Thread(() -> profiles.add(image, boot(0, 1, 10 + own))));
        }

        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }

        assertEquals(6, profiles.find(image).orElseThrow().boots());
        assertEquals(6, profiles.find(image).orElseThrow().recordings().size());
    }

    @Test
    void theLargestProfileIsWellUnderWhatARecordMayBe() {
        ImageId image = image("web", Optional.empty());
        long last = (1L << 32) - 1;
        long[] farApart = LongStream.range(0, BootOrder.CHUNKS_MAX).map(n -> n % 2 == 0 ? n : last - n).toArray();

        for (int n = 0; n < BootProfile.RECORDINGS_MAX; n++) {
            profiles.add(image, boot(farApart));
        }

        int bytes = catalog.find("boot-profile/" + image).orElseThrow().value().length;
        assertTrue(bytes < Catalog.VALUE_BYTES_MAX / 2, bytes + " bytes");
        assertEquals(BootOrder.of(farApart), profiles.find(image).orElseThrow().order());
    }

    @Test
    void aDamagedProfileIsToldAndBegunAnew() {
        ImageId image = image("web", Optional.empty());
        for (String damaged : List.of(
                "{}",
                "{\"boots\":1,\"recordings\":[null]}",
                "{\"boots\":1,\"recordings\":[{\"startedAt\":\"2026-11-23T10:00:00Z\",\"touched\":\"gA==\"}]}",
                "{\"boots\":1,\"recordings\":[{\"startedAt\":\"yesterday\",\"touched\":\"\"}]}")) {
            put("boot-profile/" + image, damaged);

            assertEquals(
                    Fault.CORRUPT,
                    assertThrows(StoreException.class, () -> profiles.find(image)).fault(),
                    damaged);
            profiles.add(image, boot(1, 2, 3));
            assertEquals(1, profiles.find(image).orElseThrow().boots());
        }
    }

    private void put(String key, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        catalog.commit(List.of(catalog.find(key)
                .<Change>map(entry -> new Change.PutIfVersion(key, entry.version(), bytes))
                .orElseGet(() -> new Change.PutIfAbsent(key, bytes))));
    }
}
