package cairn.server.instance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.ImageName;
import cairn.image.InstanceId;
import cairn.image.NewImage;
import cairn.image.NewVolume;
import cairn.image.Region;
import cairn.image.StoreKey;
import cairn.image.VolumeId;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredImage;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumePlan;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSettings;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.ForwardingCatalog;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import cairn.server.volume.Volumes;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What becomes of instances whose machines end, do not start, or whose server ends at the wrong moment. */
class InstanceRecoveryTest {
    private static final int MIB = 1 << 20;
    private static final Caller US =
            new Caller(new AccountId("000000000001"), new DomainId(2), false, Optional.of(Region.LOCAL));
    private static final Caller ROOT =
            new Caller(new AccountId("000000000009"), new DomainId(1), true, Optional.empty());

    private final MemoryStorage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final ImageRegistry images = new ImageRegistry(
            storage.catalog(),
            new SnapshotRegistry(storage.catalog()),
            new StoreKey(new byte[32]),
            Clock.systemUTC());
    private final Volumes volumes = new Volumes(chunks, storage.volumeBlocks(), 8 * MIB, MIB);
    private final VolumeRegistry disks =
            new VolumeRegistry(storage.catalog(), images, volumes, storage.volumeBlocks(), Clock.systemUTC());
    private final InstanceRegistry registry = new InstanceRegistry(storage.catalog(), Clock.systemUTC());
    private final RegisteredImage image = images.register(
            US,
            NewImage.of(new ImageName("debian")),
            TestDisk.random(1, MIB).put(chunks, US.domain()),
            Encryption.Choice.PLAIN,
            List.of());
    private final List<Instances> servers = new ArrayList<>();

    @AfterEach
    void close() {
        servers.forEach(Instances::close);
        volumes.close();
        storage.close();
    }

    /** Machines that a test ends as it likes, and that outlive a server. */
    private static final class Host implements Launcher {
        private final Set<InstanceId> running = new HashSet<>();
        private final Map<InstanceId, Runnable> told = new HashMap<>();
        private boolean isBroken;
        /** It starts machines and does not say so. */
        private boolean isMute;

        @Override
        public String name() {
            return "host";
        }

        @Override
        public boolean startsAtOnce() {
            return true;
        }

        @Override
        public void requireRoom(Architecture architecture, InstanceType type, int count) {
            // As much as a test asks for.
        }

        @Override
        public void start(Machine machine, Runnable onEnd) {
            if (isBroken) {
                throw new StoreException(Fault.UNAVAILABLE, "the host is broken");
            }
            assertEquals(2, machine.disks().size());
            running.add(machine.id());
            told.put(machine.id(), onEnd);
            if (isMute) {
                throw new StoreException(Fault.UNAVAILABLE, "nobody listens at /host/monitor");
            }
        }

        @Override
        public boolean resume(Machine machine, Runnable onEnd) {
            told.put(machine.id(), onEnd);
            return running.contains(machine.id());
        }

        /** Asked to end, which it does when the test says so. */
        @Override
        public boolean end(InstanceId id, boolean isAtOnce) {
            return running.contains(id);
        }

        void ends(InstanceId id) {
            running.remove(id);
            told.get(id).run();
        }

        @Override
        public Map<String, String> tags(InstanceId id) {
            return Map.of();
        }

        @Override
        public void forget(InstanceId id) {
            running.remove(id);
        }

        @Override
        public void close() {
            told.clear();
        }
    }

    private final Host host = new Host();

    private Instances server() {
        return server(images);
    }

    private Instances server(ImageRegistry launched) {
        Instances server =
                new Instances(storage.catalog(), registry, launched, disks, () -> ROOT, List.of(host), host);
        servers.add(server);
        return server;
    }

    /** With two disks, of which the second stays. */
    private Instance launch(Instances server, boolean isEndedByShutdown) {
        NewInstances wanted = new NewInstances(
                image.id(),
                1,
                "locala",
                "t3.nano",
                List.of(
                        device("/dev/vda", NewVolume.of(image.id().value()), true),
                        device("/dev/vdb", NewVolume.blank(MIB), false)),
                isEndedByShutdown,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                "",
                Map.of());
        return server.launch(US, wanted, reservation -> List.of()).get(0);
    }

    private static NewInstances.Device device(String name, NewVolume volume, boolean isDeleted) {
        return new NewInstances.Device(name, VolumePlan.of(volume, VolumeSettings.in("locala")), isDeleted);
    }

    private List<VolumeId> volumesOf(Instance instance) {
        return disks.attachedTo(US, instance.id()).stream().map(each -> each.id()).toList();
    }

    private InstanceState state(Instance instance) {
        return registry.read(US, instance.id()).state();
    }

    private String reason(Instance instance) {
        return registry.read(US, instance.id()).reason().orElseThrow().code();
    }

    private void be(InstanceState state, Instance instance) {
        registry.change(instance.id(), each -> each.in(state, Optional.empty(), registry.now()));
    }

    @Test
    void oneThatDoesNotStartIsTerminatedAndOneThatRanBeforeIsStopped() {
        Instances server = server();
        Instance ran = launch(server, false);
        server.stop(US, ran.id(), false);
        host.ends(ran.id());
        assertEquals(InstanceState.STOPPED, state(ran));
        host.isBroken = true;

        Instance failed = launch(server, false);
        server.start(US, ran.id());

        assertEquals(InstanceState.TERMINATED, failed.state());
        assertEquals("Server.InternalError", failed.reason().orElseThrow().code());
        assertEquals(List.of(), volumesOf(failed));
        assertEquals(InstanceState.STOPPED, state(ran));
        assertEquals("Server.InternalError", reason(ran));
        assertEquals(2, volumesOf(ran).size());
    }

    @Test
    void oneThatHasStartedWithoutSayingSoIsEndedBeforeItsDisksAreGivenUp() {
        Instances server = server();
        Instance ran = launch(server, false);
        server.stop(US, ran.id(), false);
        host.ends(ran.id());
        host.isMute = true;

        Instance failed = launch(server, false);
        server.start(US, ran.id());

        assertEquals(InstanceState.SHUTTING_DOWN, failed.state());
        assertEquals(InstanceState.STOPPING, state(ran));
        assertFault(Fault.CONFLICT, () -> server.start(US, ran.id()));
        assertEquals(2, volumesOf(failed).size());
        host.ends(failed.id());
        host.ends(ran.id());
        assertEquals(InstanceState.TERMINATED, state(failed));
        assertEquals(
                "Server.InternalError: the machine could not be started; the server's log says why",
                registry.read(US, failed.id()).reason().orElseThrow().message(),
                "nothing of the host");
        assertEquals(InstanceState.STOPPED, state(ran));
        assertEquals("Server.InternalError", reason(ran));
    }

    @Test
    void aLaunchBeginsThoughItsImageCannotTellOfIt() {
        Catalog readOnly = new ForwardingCatalog(storage.catalog()) {
            @Override
            public void commit(List<Change> changes) {
                throw new StoreException(Fault.NO_SPACE, "the disk is full");
            }
        };
        Instances server = server(new ImageRegistry(
                readOnly, new SnapshotRegistry(readOnly), new StoreKey(new byte[32]), Clock.systemUTC()));

        assertEquals(InstanceState.RUNNING, launch(server, false).state());
    }

    @Test
    void oneThatPowersItselfOffIsStoppedOrTerminatedAsItWasLaunched() {
        Instances server = server();
        Instance stopping = launch(server, false);
        Instance terminating = launch(server, true);
        List<VolumeId> kept = volumesOf(terminating).stream()
                .filter(each -> disks.read(US, each).image().isEmpty())
                .toList();

        host.ends(stopping.id());
        host.ends(terminating.id());

        assertEquals(InstanceState.STOPPED, state(stopping));
        assertEquals("Client.InstanceInitiatedShutdown", reason(stopping));
        assertEquals(InstanceState.TERMINATED, state(terminating));
        assertEquals(List.of(), disks.read(US, kept.get(0)).settings().attachments());
        assertEquals(3, disks.count(), "the root volume is gone");
    }

    @Test
    void aVolumeThatAnInstanceHasIsNotRemoved() {
        Instance instance = launch(server(), false);

        for (VolumeId each : volumesOf(instance)) {
            assertEquals(
                    Fault.CONFLICT, assertThrows(StoreException.class, () -> disks.remove(US, each)).fault());
        }
    }

    @Test
    void goesOnWithWhatAnEarlierServerHasBegun() {
        Instances first = server();
        Instance pending = launch(first, false);
        host.running.remove(pending.id());
        be(InstanceState.PENDING, pending);
        Instance running = launch(first, false);
        Instance lost = launch(first, true);
        host.running.remove(lost.id());
        Instance stopping = launch(first, false);
        first.stop(US, stopping.id(), false);
        Instance stopped = launch(first, false);
        first.stop(US, stopped.id(), false);
        host.running.remove(stopped.id());
        Instance ending = launch(first, false);
        host.running.remove(ending.id());
        be(InstanceState.SHUTTING_DOWN, ending);
        first.close();

        server().recover();

        assertEquals(InstanceState.RUNNING, state(pending), "it is started");
        assertEquals(InstanceState.RUNNING, state(running));
        assertEquals(InstanceState.STOPPED, state(lost), "nobody knows that it powered itself off");
        assertEquals("Server.InternalError", reason(lost));
        assertEquals(InstanceState.STOPPING, state(stopping));
        assertEquals(InstanceState.STOPPED, state(stopped));
        assertEquals(InstanceState.TERMINATED, state(ending));
        assertEquals(List.of(), volumesOf(ending));
        host.ends(stopping.id());
        assertEquals(InstanceState.STOPPED, state(stopping));
        host.ends(running.id());
        assertEquals(InstanceState.STOPPED, state(running));
    }

    @Test
    void givesAndTakesVolumesInItsZone() {
        Instances server = server();
        Instance instance = launch(server, false);
        VolumeId more = disks.create(US, NewVolume.blank(MIB)).id();
        VolumeId elsewhere = disks.create(
                        US,
                        VolumePlan.of(NewVolume.blank(MIB), VolumeSettings.in("localb")),
                        made -> List.of())
                .id();

        assertFault(Fault.CONFLICT, () -> server.attach(US, more, instance.id(), "/dev/vda"));
        assertFault(Fault.INVALID_REQUEST, () -> server.attach(US, elsewhere, instance.id(), "/dev/vdc"));
        server.attach(US, more, instance.id(), "/dev/vdc");
        assertEquals(3, volumesOf(instance).size());
        assertFault(Fault.CONFLICT, () -> server.detach(US, root(instance), instance.id()));
        server.detach(US, more, instance.id());
        disks.remove(US, more);
        assertEquals(2, volumesOf(instance).size());
        server.terminate(US, instance.id(), false);
        assertFault(Fault.CONFLICT, () -> server.attach(US, elsewhere, instance.id(), "/dev/vdc"));
    }

    private VolumeId root(Instance instance) {
        return volumesOf(instance).stream()
                .filter(each -> disks.read(US, each).image().isPresent())
                .findFirst()
                .orElseThrow();
    }

    private static void assertFault(Fault fault, Runnable action) {
        assertEquals(fault, assertThrows(StoreException.class, action::run).fault());
    }
}
