package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.StoreException;
import cairn.client.ImageUploader;
import cairn.client.TransferProgress;
import cairn.disk.DiskSource;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.image.VolumeId;
import cairn.qemu.QemuCommandLine.Kernel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Ec2Exception;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.InstanceType;

/** Instances that run in QEMU on this host, through the AWS SDK: each test ends the machines that it has started. */
class QemuInstancesTest {
    private static final String DEVICE = "/dev/vda";
    private static final int BOOT_SECONDS_MAX = 480;
    private static final int POLL_MILLIS = 200;

    @TempDir
    private Path folder;

    private TestStore store;
    private AwsUser user;
    private Ec2Client ec2;

    @BeforeEach
    void requireQemu() {
        Tools.require("qemu-system-x86_64");
    }

    private void start(Optional<Kernel> kernel) throws IOException {
        store = new TestStore(
                folder.resolve("data"),
                Clock.systemUTC(),
                new Launching(true, 2, Duration.ofSeconds(2), kernel));
        connect(store.root());
    }

    private void connect(AwsUser root) {
        user = root;
        ec2 = user.ec2();
    }

    private String push(Path disk) throws IOException {
        try (DiskSource source = DiskSource.open(disk)) {
            return new ImageUploader(user.store())
                    .upload(source, NewImage.of(new ImageName("disk")), TransferProgress.none())
                    .image()
                    .id();
        }
    }

    private String pushBlank() throws IOException {
        return push(Files.write(folder.resolve("blank.raw"), new byte[1 << 20]));
    }

    @AfterEach
    void stop() {
        if (store == null) {
            return;
        }
        try {
            for (var reservation : ec2.describeInstances().reservations()) {
                reservation.instances().forEach(each -> terminate(each.instanceId()));
            }
        } finally {
            ec2.close();
            store.close();
        }
    }

    private Instance run(String image) {
        return ec2.runInstances(request ->
                        request.imageId(image).minCount(1).maxCount(1).instanceType(InstanceType.T3_MICRO))
                .instances()
                .get(0);
    }

    private Instance instance(String id) {
        return ec2.describeInstances(request -> request.instanceIds(id)).reservations().get(0).instances().get(0);
    }

    private void awaitRunning(String id) {
        ec2.waiter().waitUntilInstanceRunning(
                request -> request.instanceIds(id),
                settings -> settings.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(POLL_MILLIS))));
    }

    private void awaitStopped(String id) {
        ec2.waiter().waitUntilInstanceStopped(
                request -> request.instanceIds(id),
                settings -> settings.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(POLL_MILLIS)))
                        .maxAttempts(300));
    }

    private void terminate(String id) {
        ec2.terminateInstances(request -> request.instanceIds(id));
        ec2.waiter().waitUntilInstanceTerminated(
                request -> request.instanceIds(id),
                settings -> settings.backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(POLL_MILLIS)))
                        .maxAttempts(300));
    }

    private Path file(String id, String name) {
        return folder.resolve("data/instances/" + id + '/' + name);
    }

    private ProcessHandle process(String id) throws IOException {
        return ProcessHandle.of(Long.parseLong(Files.readString(file(id, "pid")).strip())).orElseThrow();
    }

    private static boolean runs(ProcessHandle process) {
        return process.isAlive() && process.info().command().isPresent();
    }

    @Test
    void debianBootsFromItsOwnVolumeAndGoesWithItWhenTerminated() throws Exception {
        DebianDisks disks = DebianDisks.get();
        start(Optional.of(new Kernel(
                disks.kernel(),
                Optional.of(disks.initrd()),
                "root=/dev/vda rw console=ttyS0 mitigations=off panic=-1")));

        Instance launched = run(push(disks.base()));
        String id = launched.instanceId();
        VolumeId volume = new VolumeId(launched.blockDeviceMappings().get(0).ebs().volumeId());
        awaitRunning(id);
        ProcessHandle qemu = process(id);
        String console = awaitLogin(file(id, "console.log"), qemu);

        assertTrue(console.contains("cairn login:"), console);
        assertEquals("in-use", user.store().volume(volume).state());
        assertEquals("ok", ec2.describeInstanceStatus().instanceStatuses().get(0).instanceStatus().statusAsString());
        terminate(id);
        assertFalse(runs(qemu));
        assertThrows(StoreException.class, () -> user.store().volume(volume));
        assertTrue(Files.exists(file(id, "console.log")), "told of for an hour");
    }

    /** The console's file grows on its own; nobody tells of it. */
    private static String awaitLogin(Path console, ProcessHandle qemu) throws Exception {
        String said = "";
        for (int i = 0; i < BOOT_SECONDS_MAX && runs(qemu) && !said.contains("login:"); i++) {
            qemu.onExit().completeOnTimeout(null, 1, TimeUnit.SECONDS).get();
            said = Files.readString(console, StandardCharsets.ISO_8859_1);
        }
        return said;
    }

    @Test
    void aMachineGoesOnWhileItsServerIsRestarted() throws Exception {
        start(Optional.empty());
        String id = run(pushBlank()).instanceId();
        awaitRunning(id);
        ProcessHandle qemu = process(id);
        String ssh = tag(id, "cairn:ssh");

        store.restart();
        ec2.close();
        connect(new AwsUser(store.endpoint(), user.credentials(), user.region()));

        assertTrue(runs(qemu));
        assertEquals(InstanceStateName.RUNNING, instance(id).state().name());
        assertEquals(ssh, tag(id, "cairn:ssh"));
        terminate(id);
        assertFalse(runs(qemu));
    }

    private String tag(String id, String key) {
        return instance(id).tags().stream().filter(each -> each.key().equals(key)).findFirst().orElseThrow().value();
    }

    @Test
    void itsDisksAreChangedWhileItIsStopped() throws Exception {
        start(Optional.empty());
        String id = run(pushBlank()).instanceId();
        awaitRunning(id);
        String zone = instance(id).placement().availabilityZone();
        String data = ec2.createVolume(request -> request.size(1).availabilityZone(zone)).volumeId();

        assertRefused("IncorrectInstanceState", () -> ec2.attachVolume(
                request -> request.volumeId(data).instanceId(id).device("/dev/vdb")));
        ec2.stopInstances(request -> request.instanceIds(id).force(true));
        awaitStopped(id);
        ec2.attachVolume(request -> request.volumeId(data).instanceId(id).device("/dev/vdb"));
        ec2.startInstances(request -> request.instanceIds(id));
        awaitRunning(id);

        assertTrue(process(id).isAlive());
        assertEquals(2, instance(id).blockDeviceMappings().size());
        assertRefused("IncorrectInstanceState", () -> ec2.detachVolume(
                request -> request.volumeId(data).force(true)));
        assertRefused("OperationNotPermitted", () -> ec2.detachVolume(request -> request.instanceId(id)
                .volumeId(instance(id).blockDeviceMappings().get(0).ebs().volumeId())));
        ec2.stopInstances(request -> request.instanceIds(id).force(true));
        awaitStopped(id);
        ec2.detachVolume(request -> request.volumeId(data));
        ec2.deleteVolume(request -> request.volumeId(data));
    }

    private static void assertRefused(String code, Executable call) {
        assertEquals(code, assertThrows(Ec2Exception.class, call).awsErrorDetails().errorCode());
    }

    @Test
    void oneThatEndsByItselfIsStoppedAndStartsAgain() throws Exception {
        start(Optional.empty());
        String id = run(pushBlank()).instanceId();
        awaitRunning(id);
        ProcessHandle first = process(id);

        first.destroy();
        awaitStopped(id);
        assertEquals("Client.InstanceInitiatedShutdown", instance(id).stateReason().code());
        ec2.startInstances(request -> request.instanceIds(id));
        awaitRunning(id);
        assertFalse(first.pid() == process(id).pid());

        // Nobody heeds the power button of a machine without an operating system.
        assertEquals(
                InstanceStateName.STOPPING,
                ec2.stopInstances(request -> request.instanceIds(id)).stoppingInstances().get(0).currentState().name());
        awaitStopped(id);
        assertEquals("Client.UserInitiatedShutdown", instance(id).stateReason().code());
    }

    @Test
    void oneThatWasKilledWhileTheServerWasAwayIsStopped() throws Exception {
        start(Optional.empty());
        String id = run(pushBlank()).instanceId();
        awaitRunning(id);
        ProcessHandle qemu = process(id);
        store.server().close();

        qemu.destroyForcibly();
        qemu.onExit().get(1, TimeUnit.MINUTES);
        store.restart();
        ec2.close();
        connect(new AwsUser(store.endpoint(), user.credentials(), user.region()));

        assertEquals(InstanceStateName.STOPPED, instance(id).state().name());
        assertEquals("Server.InternalError", instance(id).stateReason().code());
    }

    @Test
    void launchesNoMoreThanThereIsRoomFor() throws Exception {
        start(Optional.empty());
        String image = pushBlank();

        var launched = ec2.runInstances(request -> request.imageId(image).minCount(1).maxCount(5)).instances();

        assertEquals(2, launched.size());
        launched.forEach(each -> awaitRunning(each.instanceId()));
        Ec2Exception full = assertThrows(Ec2Exception.class, () -> run(image));
        assertEquals("InsufficientInstanceCapacity", full.awsErrorDetails().errorCode());
    }
}
