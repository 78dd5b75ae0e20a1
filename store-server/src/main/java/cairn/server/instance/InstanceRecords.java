package cairn.server.instance;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.InstanceId;
import cairn.image.Region;
import cairn.server.storage.Catalog;
import cairn.server.storage.JsonRecords;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Instances as the catalog keeps them: JSON objects, described in docs/formats.md. */
final class InstanceRecords {
    private record InstanceRecord(
            String id,
            String owner,
            String region,
            LaunchRecord launch,
            String launcher,
            String launchedAt,
            String state,
            String reasonCode,
            String reasonMessage,
            String stateAt,
            Map<String, String> tags) {}

    private record LaunchRecord(
            String reservation,
            int index,
            String zone,
            String image,
            String architecture,
            String bootMode,
            String rootDevice,
            String type,
            boolean endedByShutdown,
            String keyName,
            String userData,
            String subnet,
            List<String> securityGroups,
            String clientToken) {}

    private InstanceRecords() {}

    static byte[] encode(Instance instance) {
        Launch launch = instance.launch();
        return JsonRecords.encode(new InstanceRecord(
                instance.id().value(),
                instance.owner().value(),
                instance.region().name(),
                new LaunchRecord(
                        launch.reservationId(),
                        launch.index(),
                        launch.zone(),
                        launch.image().value(),
                        launch.architecture().label(),
                        launch.bootMode().map(BootMode::label).orElse(null),
                        launch.rootDevice(),
                        launch.type(),
                        launch.isEndedByShutdown(),
                        launch.keyName().orElse(null),
                        launch.userData().orElse(null),
                        launch.subnetId().orElse(null),
                        launch.securityGroupIds(),
                        launch.clientToken()),
                instance.launcher(),
                instance.launchedAt().toString(),
                instance.state().label(),
                instance.reason().map(Instance.StateReason::code).orElse(null),
                instance.reason().map(Instance.StateReason::message).orElse(null),
                instance.stateAt().toString(),
                new TreeMap<>(instance.tags())));
    }

    static Instance instance(Catalog.Entry entry) {
        InstanceRecord read = JsonRecords.decode(entry, InstanceRecord.class);
        LaunchRecord launch = read.launch;
        return new Instance(
                new InstanceId(read.id),
                new AccountId(read.owner),
                new Region(read.region),
                new Launch(
                        launch.reservation,
                        launch.index,
                        launch.zone,
                        new ImageId(launch.image),
                        Architecture.parse(launch.architecture),
                        Optional.ofNullable(launch.bootMode).map(BootMode::parse),
                        launch.rootDevice,
                        launch.type,
                        launch.endedByShutdown,
                        Optional.ofNullable(launch.keyName),
                        Optional.ofNullable(launch.userData),
                        Optional.ofNullable(launch.subnet),
                        launch.securityGroups,
                        launch.clientToken),
                read.launcher,
                Instant.parse(read.launchedAt),
                state(read.state),
                Optional.ofNullable(read.reasonCode)
                        .map(code -> new Instance.StateReason(code, read.reasonMessage)),
                Instant.parse(read.stateAt),
                read.tags);
    }

    private static InstanceState state(String label) {
        return Arrays.stream(InstanceState.values())
                .filter(state -> state.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        Fault.CORRUPT, "an instance's record names a state \"" + label + '"'));
    }
}
