package cairn.server.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import cairn.StoreException;
import cairn.tree.TreeRoot;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.Test;

class ImageRegistryTest {
    private static final Caller ROOT = new Caller(new AccountId("000000000009"), new DomainId(1), true, Optional.of(Region.LOCAL));
    private static final Caller US = new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));
    private static final Caller THEM = new Caller(new AccountId("000000000002"), new DomainId(3), false, Optional.of(Region.LOCAL));
    private static final TreeRoot DISK = TreeRoot.of(1 << 20, Digest.of(new byte[] {1}));

    private final MemoryStorage storage = new MemoryStorage();
    private final SnapshotRegistry completed = new SnapshotRegistry(storage.catalog());
    private final ImageRegistry images =
            new ImageRegistry(storage.catalog(), completed, new StoreKey(new byte[32]), Clock.systemUTC());

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void registersAnImageWithItsSnapshot() {
        RegisteredImage image = register(US, "web", Optional.empty());

        assertEquals(image.id(), images.read(US, image.id()).id());
        assertEquals(Map.of("team", "ci"), images.read(US, image.id()).tags());
        SnapshotId snapshot = image.manifest().root().snapshot();
        assertEquals(DISK, completed.read(US, Right.SEE, snapshot).root());
        assertEquals(new Disk(DISK, US.domain()), images.disk(US, Right.READ, image.id().value()));
        assertEquals(new Disk(DISK, US.domain()), images.disk(US, Right.READ, snapshot.value()));
        assertEquals(DISK.digest(), image.manifest().root().root());
    }

    @Test
    void aNameIsTakenOnceInAnAccount() {
        RegisteredImage image = register(US, "web", Optional.empty());

        StoreException refused = assertThrows(StoreException.class, () -> register(US, "web", Optional.empty()));
        assertEquals(Fault.CONFLICT, refused.fault());
        assertTrue(refused.getMessage().contains(image.id().value()));
        register(THEM, "web", Optional.empty());
        images.remove(US, image.id());
        register(US, "web", Optional.empty());
    }

    @Test
    void remembersLineage() {
        RegisteredImage parent = register(US, "base", Optional.empty());
        RegisteredImage child = register(US, "web", Optional.of(parent.id()));

        assertEquals(Optional.of(parent.id()), child.manifest().parent());
        assertEquals(
                Optional.of(parent.manifest().root().snapshot()),
                completed.read(US, Right.SEE, child.manifest().root().snapshot()).parent());
        assertFault(Fault.NOT_FOUND, () -> register(THEM, "theirs", Optional.of(parent.id())));
    }

    @Test
    void othersSeeNothingOfAPrivateImage() {
        RegisteredImage image = register(US, "web", Optional.empty());
        SnapshotId snapshot = image.manifest().root().snapshot();

        assertFault(Fault.NOT_FOUND, () -> images.read(THEM, image.id()));
        assertFault(Fault.NOT_FOUND, () -> completed.read(THEM, Right.SEE, snapshot));
        assertFault(Fault.NOT_FOUND, () -> images.disk(THEM, Right.READ, image.id().value()));
        assertFault(Fault.NOT_FOUND, () -> images.disk(THEM, Right.READ, snapshot.value()));
        assertFault(Fault.NOT_FOUND, () -> images.remove(THEM, image.id()));
        assertFault(Fault.NOT_FOUND, () -> completed.remove(THEM, snapshot));
        assertEquals(List.of(), images.list(THEM, "", 100));
        assertEquals(image.id(), images.read(ROOT, image.id()).id());
    }

    @Test
    void removesTheSnapshotWithItsLastImage() {
        RegisteredImage image = register(US, "web", Optional.empty());
        SnapshotId snapshot = image.manifest().root().snapshot();
        assertFault(Fault.CONFLICT, () -> completed.remove(US, snapshot));

        images.remove(US, image.id());

        assertFault(Fault.NOT_FOUND, () -> images.read(US, image.id()));
        assertFault(Fault.NOT_FOUND, () -> completed.read(US, Right.SEE, snapshot));
        assertEquals(List.of(), storage.catalog().list("", "", 10), "nothing is left behind");
    }

    @Test
    void listsPageByPage() {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            all.add(register(i % 5 == 0 ? THEM : US, "image-" + i, Optional.empty()).id().value());
        }
        List<String> ours = images.list(US, "", 100).stream().map(image -> image.id().value()).toList();
        List<String> paged = new ArrayList<>();
        List<RegisteredImage> some;
        do {
            some = images.list(US, paged.isEmpty() ? "" : paged.get(paged.size() - 1), 3);
            some.forEach(image -> paged.add(image.id().value()));
        } while (!some.isEmpty());

        assertEquals(20, ours.size());
        assertEquals(ours, paged);
        assertEquals(all.stream().sorted().toList(), images.list(ROOT, "", 100).stream().map(i -> i.id().value()).toList());
    }

    @Test
    void registersNothingWhereAConditionFails() {
        Change impossible = new Change.Delete("upload/gone", 1);

        assertFault(Fault.CONFLICT, () -> images.register(
                US, wanted("web", Optional.empty()), DISK, Encryption.Choice.PLAIN, List.of(impossible)));
        assertEquals(List.of(), images.list(ROOT, "", 10));
    }

    @Test
    void refusesOddIdsAndTags() {
        assertFault(Fault.INVALID_REQUEST, () -> images.disk(US, Right.READ, "vol-1"));
        assertFault(Fault.INVALID_REQUEST, () -> images.disk(US, Right.READ, "ami-1"));
        for (Map<String, String> tags : List.of(
                Map.of("", "x"), Map.of("aws:x", "y"), Map.of("x".repeat(128), "y"), Map.of("x", "y".repeat(257)))) {
            assertFault(Fault.INVALID_REQUEST, () -> new NewImage(
                    new ImageName("web"), "", Architecture.X86_64, Optional.empty(), Optional.empty(), tags));
        }
    }

    private RegisteredImage register(Caller caller, String name, Optional<ImageId> parent) {
        return images.register(caller, wanted(name, parent), DISK, Encryption.Choice.PLAIN, List.of());
    }

    private static NewImage wanted(String name, Optional<ImageId> parent) {
        return new NewImage(
                new ImageName(name),
                "for tests",
                Architecture.X86_64,
                Optional.of(BootMode.UEFI),
                parent,
                Map.of("team", "ci"));
    }

    private static void assertFault(Fault fault, Executable call) {
        assertEquals(fault, assertThrows(StoreException.class, call).fault());
    }
}
