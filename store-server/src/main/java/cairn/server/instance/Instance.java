package cairn.server.instance;

import cairn.image.AccountId;
import cairn.image.InstanceId;
import cairn.image.Region;
import cairn.server.account.Access;
import cairn.server.account.Sharing;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * An instance as the registry has it. Which volumes it has stands in their records, as attachments.
 *
 * @param launch what it was launched as, which never changes
 * @param launcher the name of what runs it
 * @param launchedAt when it was started last
 * @param reason why it is no longer running
 * @param stateAt since when it has been in its state
 */
public record Instance(
        InstanceId id,
        AccountId owner,
        Region region,
        Launch launch,
        String launcher,
        Instant launchedAt,
        InstanceState state,
        Optional<StateReason> reason,
        Instant stateAt,
        Map<String, String> tags)
        implements Access.Owned {
    public Instance {
        tags = Map.copyOf(tags);
    }

    /** Why an instance is in its state. @param code EC2's, {@code Client.UserInitiatedShutdown} for example */
    public record StateReason(String code, String message) {
        public static final StateReason ASKED = client("UserInitiatedShutdown", "User initiated shutdown");
        public static final StateReason BY_ITSELF =
                client("InstanceInitiatedShutdown", "Instance initiated shutdown");

        private static StateReason client(String word, String message) {
            return new StateReason("Client." + word, "Client." + word + ": " + message);
        }

        static StateReason failed(String message) {
            return new StateReason("Server.InternalError", "Server.InternalError: " + message);
        }
    }

    /** Nobody but the owner uses an instance. */
    @Override
    public Sharing sharing() {
        return Sharing.NONE;
    }

    public InstanceType type() {
        return InstanceType.of(launch.type());
    }

    Instance in(InstanceState next, Optional<StateReason> why, Instant now) {
        return new Instance(id, owner, region, launch, launcher, launchedAt, next, why, now, tags);
    }

    Instance startedAgain(Instant now) {
        return new Instance(
                id, owner, region, launch, launcher, now, InstanceState.PENDING, Optional.empty(), now, tags);
    }

    public Instance withTags(Map<String, String> newTags) {
        return new Instance(id, owner, region, launch, launcher, launchedAt, state, reason, stateAt, newTags);
    }
}
