package cairn.server.image;

import static cairn.server.image.VolumeWorld.assertFault;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.ImageName;
import cairn.image.InstanceId;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.image.SnapshotId;
import cairn.image.StoreKey;
import cairn.server.SetClock;
import cairn.server.account.Access.Right;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Retention;
import cairn.server.account.Sharing;
import cairn.server.storage.DomainId;
import cairn.server.storage.rocks.RocksStorage;
import cairn.tree.TreeRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageLifecycleTest {
    private static final Region WEST = new Region("west-1");
    private static final Caller ROOT =
            new Caller(new AccountId("000000000009"), new DomainId(1), true, Optional.of(Region.LOCAL));
    private static final Caller US =
            new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));
    private static final Caller THEM =
            new Caller(new AccountId("000000000002"), new DomainId(3), false, Optional.of(Region.LOCAL));
    private static final TreeRoot DISK = TreeRoot.of(1 << 20, Digest.of(new byte[] {1}));
    private static final Instant START = Instant.parse("2026-11-23T10:00:00Z");

    @TempDir
    Path folder;

    private final SetClock clock = new SetClock();
    private final Map<String, Duration> retained = new HashMap<>();
    private RocksStorage storage;
    private SnapshotRegistry completed;
    private ImageRegistry images;
    private ImageLifecycle lifecycle;
    private ImageCopies copies;

    @BeforeEach
    void open() throws IOException {
        storage = RocksStorage.open(folder);
        completed = new SnapshotRegistry(storage.catalog());
        Retention byTag = (resource, kind, tags) -> kind == Retention.Kind.IMAGE
                ? Optional.ofNullable(retained.get(tags.getOrDefault("team", "")))
                : Optional.empty();
        images = new ImageRegistry(storage.catalog(), completed, new StoreKey(new byte[32]), clock, byTag);
        lifecycle = new ImageLifecycle(images, clock);
        copies = new ImageCopies(storage.catalog(), images, completed);
    }

    @AfterEach
    void close() {
        storage.close();
    }

    private void reopen() throws IOException {
        close();
        open();
    }

    @Test
    void keepsEverythingThatIsSaidOfAnImage() throws IOException {
        Map<String, SnapshotId> disks = new LinkedHashMap<>();
        disks.put("/dev/xvda", push(US, "base").manifest().root().snapshot());
        DeviceSettings root = new DeviceSettings(
                false, Optional.empty(), Optional.of(20L), "io2", Optional.of(4000L), Optional.empty(), false,
                Optional.empty());
        DeviceSettings blank = new DeviceSettings(
                true, Optional.empty(), Optional.of(7L), "gp3", Optional.empty(), Optional.of(125L), false,
                Optional.empty());
        ImageSettings settings = ImageSettings.NEW
                .with(new ImageFeatures(
                        true, Optional.of("simple"), Optional.of("v2.0"), Optional.of("v2.0"), Optional.of("QU1a")))
                .withSourceInstance(Optional.of(new InstanceId("i-0123456789abcdef0")))
                .withDevices(Map.of("/dev/xvda", root, "/dev/sdb", blank));

        RegisteredImage image = images.register(US, wanted("web"), "/dev/xvda", disks, settings);
        lifecycle.deprecate(US, image.id(), Instant.parse("2027-01-01T00:00:00Z"));
        lifecycle.protect(US, image.id(), true);
        images.launched(image.id());
        images.change(US, image.id(), each -> each.with(each.settings().withDescription("for the web")));
        reopen();

        RegisteredImage read = images.read(US, image.id());
        assertEquals(
                settings.withDeprecateAt(Optional.of(Instant.parse("2027-01-01T00:00:00Z")))
                        .with(Protection.on(true))
                        .withLastLaunchedAt(START)
                        .withDescription("for the web"),
                read.settings());
        assertEquals("for the web", read.description());
        assertEquals("/dev/xvda", read.manifest().rootDevice());
        assertEquals(
                List.of(
                        new ImageDevice("/dev/xvda", Optional.of(read.manifest().root()), root),
                        new ImageDevice("/dev/sdb", Optional.empty(), blank)),
                read.devices());
        assertEquals(Optional.of(20L), read.devices().get(0).volumeGib());
        assertEquals(2, completed.imagesOf(disks.get("/dev/xvda")).size());
        assertFault(Fault.CONFLICT, () -> completed.remove(US, disks.get("/dev/xvda")));
    }

    @Test
    void registersOnlySnapshotsOfTheCallersOwn() {
        SnapshotId snapshot = push(US, "base").manifest().root().snapshot();
        Map<String, SnapshotId> disks = Map.of("/dev/sda1", snapshot);

        assertFault(Fault.NOT_FOUND,
                () -> images.register(THEM, wanted("web"), "/dev/sda1", disks, ImageSettings.NEW));
        completed.change(US, snapshot, each -> each.with(new Sharing(true, Set.of())));
        assertFault(Fault.FORBIDDEN,
                () -> images.register(THEM, wanted("web"), "/dev/sda1", disks, ImageSettings.NEW));
        assertFault(Fault.NOT_FOUND,
                () -> images.register(US.in(WEST), wanted("web"), "/dev/sda1", disks, ImageSettings.NEW));
        assertFault(Fault.INVALID_REQUEST,
                () -> images.register(US, wanted("web"), "/dev/sda2", disks, ImageSettings.NEW));
        assertFault(Fault.CONFLICT,
                () -> images.register(US, wanted("base"), "/dev/sda1", disks, ImageSettings.NEW));
        assertEquals(1, images.list(ROOT, "", 10).size());
    }

    @Test
    void deprecatesToTheMinuteAndNotInThePast() {
        RegisteredImage image = push(US, "web");

        lifecycle.deprecate(US, image.id(), Instant.parse("2026-12-01T08:15:31Z"));
        assertEquals(
                Optional.of(Instant.parse("2026-12-01T08:16:00Z")),
                images.read(US, image.id()).settings().deprecateAt());
        setClock(Instant.parse("2026-12-01T08:15:59Z"));
        assertFalse(images.read(US, image.id()).isDeprecated(clock.instant()));
        setClock(Instant.parse("2026-12-01T08:16:00Z"));
        assertTrue(images.read(US, image.id()).isDeprecated(clock.instant()));

        assertFault(Fault.INVALID_REQUEST,
                () -> lifecycle.deprecate(US, image.id(), Instant.parse("2026-12-01T08:14:00Z")));
        assertFault(Fault.INVALID_REQUEST,
                () -> lifecycle.deprecate(US, image.id(), Instant.parse("2036-12-01T08:18:00Z")));
        lifecycle.deprecate(US, image.id(), Instant.parse("2036-12-01T08:16:00Z"));
        lifecycle.cancelDeprecation(US, image.id());
        images.change(US, image.id(), each -> each.with(new Sharing(true, Set.of())));
        assertFault(Fault.INVALID_REQUEST,
                () -> lifecycle.deprecate(US, image.id(), Instant.parse("2028-11-24T10:00:00Z")));
        lifecycle.deprecate(US, image.id(), Instant.parse("2028-11-23T10:00:00Z"));
        assertFault(Fault.FORBIDDEN, () -> lifecycle.cancelDeprecation(THEM, image.id()));
    }

    @Test
    void nobodyLaunchesOrSharesADisabledImageAndOthersDoNotSeeIt() {
        RegisteredImage image = push(US, "web");
        images.change(US, image.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        assertEquals(DISK, images.disk(THEM, Right.LAUNCH, image.id().value()).root());

        lifecycle.disable(US, image.id());

        assertFault(Fault.NOT_FOUND, () -> images.read(THEM, image.id()));
        for (Caller each : List.of(US, ROOT)) {
            assertFault(Fault.CONFLICT, () -> images.disk(each, Right.LAUNCH, image.id().value()));
            assertFault(Fault.CONFLICT,
                    () -> images.change(each, image.id(), it -> it.with(new Sharing(true, Set.of()))));
        }
        assertEquals(DISK, images.disk(US, Right.READ, image.id().value()).root());
        lifecycle.enable(US, image.id());
        assertEquals(DISK, images.disk(US, Right.LAUNCH, image.id().value()).root());
        assertFault(Fault.NOT_FOUND, () -> images.read(THEM, image.id()));
    }

    @Test
    void protectionHoldsForADayMoreWhereThatWasAskedFor() {
        RegisteredImage image = push(US, "web");
        lifecycle.protect(US, image.id(), true);
        assertFault(Fault.CONFLICT, () -> images.remove(US, image.id()));
        assertFault(Fault.CONFLICT, () -> images.deregister(ROOT, image.id()));

        lifecycle.unprotect(US, image.id());
        setClock(START.plus(Duration.ofHours(23)));
        lifecycle.unprotect(US, image.id());
        StoreException refused = assertThrows(StoreException.class, () -> images.remove(US, image.id()));
        assertTrue(refused.getMessage().contains("until 2026-11-24T10:00:00Z"), refused.getMessage());
        setClock(START.plus(Duration.ofHours(24)));
        images.remove(US, image.id());

        RegisteredImage other = push(US, "web");
        lifecycle.protect(US, other.id(), false);
        assertFault(Fault.CONFLICT, () -> images.remove(US, other.id()));
        lifecycle.unprotect(US, other.id());
        images.remove(US, other.id());
    }

    @Test
    void anAccountMayKeepItsImagesFromBecomingPublic() {
        AccountSettingsRegistry settings = new AccountSettingsRegistry(storage.catalog());
        RegisteredImage before = push(US, "before");
        RegisteredImage image = push(US, "web");
        images.change(US, before.id(), each -> each.with(new Sharing(true, Set.of())));
        settings.change(US, each -> each.withPublicImagesBlocked(true));

        assertFault(Fault.CONFLICT,
                () -> images.change(US, image.id(), each -> each.with(new Sharing(true, Set.of()))));
        assertFault(Fault.CONFLICT,
                () -> images.change(ROOT, image.id(), each -> each.with(new Sharing(true, Set.of()))));
        images.change(US, image.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        images.change(US, before.id(), each -> each.with(new Sharing(true, Set.of(THEM.account()))));
        assertTrue(images.read(THEM, before.id()).sharing().isPublic());
    }

    @Test
    void deregisteringLeavesTheSnapshotsAndFreesTheName() {
        RegisteredImage image = push(US, "web");
        SnapshotId snapshot = image.manifest().root().snapshot();
        assertFault(Fault.NOT_FOUND, () -> images.deregister(THEM, image.id()));

        images.deregister(US, image.id());

        assertFault(Fault.NOT_FOUND, () -> images.read(US, image.id()));
        assertTrue(images.wasLatelyThere(US, image.id()));
        assertFalse(images.wasLatelyThere(THEM, image.id()));
        assertFalse(images.wasLatelyThere(US.in(WEST), image.id()));
        assertEquals(DISK, completed.read(US, Right.SEE, snapshot).root());
        images.register(US, wanted("web"), "/dev/sda1", Map.of("/dev/sda1", snapshot), ImageSettings.NEW);
        setClock(START.plus(Duration.ofHours(2)));
        assertFalse(images.wasLatelyThere(US, image.id()));
    }

    @Test
    void theRecycleBinGivesAnImageBackAsItWas() throws IOException {
        retained.put("ci", Duration.ofDays(7));
        RegisteredImage image = push(US, "web");
        images.change(US, image.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        RegisteredImage before = images.read(US, image.id());

        images.remove(US, image.id());
        reopen();

        assertFault(Fault.NOT_FOUND, () -> images.read(US, image.id()));
        assertFault(Fault.NOT_FOUND, () -> images.read(THEM, image.id()));
        assertFault(Fault.NOT_FOUND, () -> images.disk(US, Right.READ, image.id().value()));
        assertFault(Fault.NOT_FOUND, () -> images.remove(US, image.id()));
        assertFault(Fault.NOT_FOUND, () -> lifecycle.protect(US, image.id(), false));
        assertEquals(List.of(), images.list(US, "", 10));
        assertEquals(List.of(), images.listRecycled(THEM));
        assertEquals(List.of(), images.listRecycled(US.in(WEST)));
        assertEquals(
                List.of(Optional.of(new Recycled(START, START.plus(Duration.ofDays(7))))),
                images.listRecycled(US).stream().map(each -> each.settings().recycled()).toList());
        assertFault(Fault.NOT_FOUND, () -> images.restore(THEM, image.id()));

        assertEquals(before.settings(), images.restore(US, image.id()).settings());
        assertEquals(before.manifest(), images.read(US, image.id()).manifest());
        assertEquals(before.sharing(), images.read(THEM, image.id()).sharing());
        assertEquals(before.tags(), images.read(US, image.id()).tags());
        assertFault(Fault.CONFLICT, () -> push(US, "web"));
        assertFault(Fault.CONFLICT, () -> completed.remove(US, image.manifest().root().snapshot()));
        assertFault(Fault.NOT_FOUND, () -> images.restore(US, image.id()));
    }

    @Test
    void doesNotRestoreWhatLacksItsNameOrItsSnapshot() {
        retained.put("ci", Duration.ofDays(7));
        RegisteredImage image = push(US, "web");
        images.deregister(US, image.id());
        RegisteredImage next = push(US, "web");

        StoreException taken = assertThrows(StoreException.class, () -> images.restore(US, image.id()));
        assertTrue(taken.getMessage().contains(next.id().value()), taken.getMessage());
        retained.clear();
        images.remove(US, next.id());
        completed.remove(US, image.manifest().root().snapshot());
        StoreException lost = assertThrows(StoreException.class, () -> images.restore(US, image.id()));
        assertEquals(Fault.CONFLICT, lost.fault());
        assertTrue(
                lost.getMessage().endsWith("snapshot " + image.manifest().root().snapshot() + " is gone"),
                lost.getMessage());
        assertEquals(1, images.listRecycled(US).size());
    }

    @Test
    void theRecycleBinEmptiesItselfInTime() {
        retained.put("ci", Duration.ofDays(7));
        RegisteredImage early = push(US, "early");
        images.deregister(US, early.id());
        setClock(START.plus(Duration.ofDays(1)));
        RegisteredImage late = push(US, "late");
        images.deregister(US, late.id());

        setClock(START.plus(Duration.ofDays(7)));
        images.removeExpired();

        assertEquals(List.of(late.id()), images.listRecycled(US).stream().map(RegisteredImage::id).toList());
        assertFault(Fault.NOT_FOUND, () -> images.restore(US, early.id()));
        assertEquals(DISK, completed.read(US, Right.SEE, early.manifest().root().snapshot()).root());
    }

    @Test
    void aCopyIsAnImageOfItsOwnOverTheSameTree() {
        RegisteredImage source = push(US, "web");
        images.change(US, source.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        lifecycle.protect(US, source.id(), false);
        Caller theirWest = THEM.in(WEST);

        RegisteredImage copy = copies.copy(
                theirWest, NewCopy.of(source.id(), Region.LOCAL, new ImageName("web")), each -> List.of());

        assertEquals(THEM.account(), copy.owner());
        assertEquals(WEST, copy.region());
        assertEquals(Optional.of(source.id()), copy.manifest().parent());
        assertEquals(Region.LOCAL, copy.parentRegion());
        assertEquals(Sharing.NONE, copy.sharing());
        assertEquals(Map.of(), copy.tags());
        assertEquals(Protection.OFF, copy.settings().protection());
        assertEquals(new Disk(DISK, US.domain()), images.disk(theirWest, Right.READ, copy.id().value()));
        SnapshotId snapshot = copy.manifest().root().snapshot();
        assertEquals(new Disk(DISK, US.domain()), images.disk(theirWest, Right.READ, snapshot.value()));
        assertEquals(THEM.account(), completed.read(theirWest, Right.SEE, snapshot).owner());
        assertEquals(List.of(source.id()),
                images.ancestors(theirWest, copy).stream().map(RegisteredImage::id).toList());
        assertFault(Fault.NOT_FOUND, () -> images.read(THEM, copy.id()));
        assertFault(Fault.NOT_FOUND, () -> images.read(US.in(WEST), copy.id()));

        lifecycle.unprotect(US, source.id());
        images.remove(US, source.id());
        assertEquals(new Disk(DISK, US.domain()), images.disk(theirWest, Right.READ, copy.id().value()));
        assertEquals(
                List.of(new ImageRegistry.Ancestor(source.id(), Optional.empty())), images.lineage(theirWest, copy));
    }

    @Test
    void copiesTagsAndEncryptionAsAsked() {
        RegisteredImage source = push(US, "web");
        SnapshotId snapshot = source.manifest().root().snapshot();
        NewCopy tagged = new NewCopy(
                source.id(), Region.LOCAL, new ImageName("copy"), Optional.of("again"), Map.of("new", "1"), true,
                Map.of("disk", "root"), new Encryption.Choice(true, Optional.of("alias/ours")));

        RegisteredImage copy = copies.copy(US, tagged, each -> List.of());

        assertEquals(Map.of("team", "ci", "new", "1"), copy.tags());
        assertEquals("again", copy.description());
        Snapshot copied = completed.read(US, Right.SEE, copy.manifest().root().snapshot());
        assertEquals(Map.of("disk", "root"), copied.tags());
        assertTrue(copied.settings().isEncrypted());
        assertEquals(Optional.of("alias/ours"), copied.settings().keyId());
        assertTrue(copy.devices().get(0).settings().isEncrypted());
        RegisteredImage second = copies.copy(
                US, NewCopy.of(copy.id(), Region.LOCAL, new ImageName("second")), each -> List.of());
        assertEquals(
                Optional.of("alias/ours"),
                completed.read(US, Right.SEE, second.manifest().root().snapshot()).settings().keyId());
        assertFalse(completed.read(US, Right.SEE, snapshot).settings().isEncrypted());
    }

    @Test
    void anotherAccountsCopyDoesNotTakeTheLabelOfTheKeyOver() {
        RegisteredImage source = images.register(
                US, wanted("web"), DISK, new Encryption.Choice(true, Optional.of("alias/ours")), List.of());
        images.change(US, source.id(), each -> each.with(new Sharing(false, Set.of(THEM.account()))));
        NewCopy copy = NewCopy.of(source.id(), Region.LOCAL, new ImageName("copy"));

        RegisteredImage theirs = copies.copy(THEM, copy, each -> List.of());
        RegisteredImage ours = copies.copy(US, copy, each -> List.of());

        assertEquals(new Encryption.Choice(true, Optional.empty()), theirs.devices().get(0).settings().encryption());
        assertEquals(
                Optional.empty(),
                completed.read(THEM, Right.SEE, theirs.manifest().root().snapshot()).settings().keyId());
        assertEquals(Optional.of("alias/ours"), ours.devices().get(0).settings().keyId());
    }

    @Test
    void copiesOfOneImageAtOnceAllSucceedAndChangeNothingOfItsOwners() {
        RegisteredImage source = push(US, "web");
        images.change(US, source.id(), each -> each.with(new Sharing(true, Set.of())));
        String snapshot = SnapshotRegistry.key(source.manifest().root().snapshot());
        long version = storage.catalog().find(snapshot).orElseThrow().version();

        List<RegisteredImage> made = IntStream.range(0, 16)
                .mapToObj(n -> CompletableFuture.supplyAsync(() -> copies.copy(
                        n % 2 == 0 ? US : THEM,
                        NewCopy.of(source.id(), Region.LOCAL, new ImageName("copy-" + n)),
                        each -> List.of())))
                .toList()
                .stream()
                .map(CompletableFuture::join)
                .toList();

        assertEquals(16, made.stream().map(RegisteredImage::id).distinct().count());
        assertEquals(version, storage.catalog().find(snapshot).orElseThrow().version());
    }

    @Test
    void registeringOneSnapshotUnderManyNamesAtOnceSucceeds() {
        RegisteredImage base = push(US, "base");
        SnapshotId snapshot = base.manifest().root().snapshot();

        Stream.of("a-1", "a-2", "a-3", "a-4")
                .map(name -> CompletableFuture.runAsync(() -> images.register(
                        US, wanted(name), "/dev/sda1", Map.of("/dev/sda1", snapshot), ImageSettings.NEW)))
                .toList()
                .forEach(CompletableFuture::join);

        assertEquals(5, completed.imagesOf(snapshot).size());
    }

    @Test
    void copiesNothingThatIsNotTheCallersToCopy() {
        RegisteredImage source = push(US, "web");
        NewCopy copy = NewCopy.of(source.id(), Region.LOCAL, new ImageName("copy"));

        assertFault(Fault.NOT_FOUND, () -> copies.copy(THEM, copy, each -> List.of()));
        assertFault(Fault.NOT_FOUND, () -> copies.copy(
                US, NewCopy.of(source.id(), WEST, new ImageName("copy")), each -> List.of()));
        assertFault(Fault.CONFLICT, () -> copies.copy(
                US, NewCopy.of(source.id(), Region.LOCAL, new ImageName("web")), each -> List.of()));
        assertEquals(1, images.list(ROOT, "", 10).size());
        assertEquals(1, completed.list(ROOT, "", 10).size());
    }

    private void setClock(Instant to) {
        clock.forward(Duration.between(clock.instant(), to));
    }

    private RegisteredImage push(Caller caller, String name) {
        return images.register(caller, wanted(name), DISK, Encryption.Choice.PLAIN, List.of());
    }

    private static NewImage wanted(String name) {
        NewImage plain = NewImage.of(new ImageName(name));
        return new NewImage(
                plain.name(), "", plain.architecture(), plain.bootMode(), plain.parent(), Map.of("team", "ci"));
    }
}
