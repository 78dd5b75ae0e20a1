package cairn.server.image;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import cairn.image.InstanceId;
import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Instant;
import java.util.regex.Pattern;

/**
 * That an instance has a volume.
 *
 * @param device as the instance names it
 * @param deleteOnTermination the volume goes with the instance
 * @param attachedAt to the millisecond
 */
public record VolumeAttachment(
        InstanceId instance, String device, boolean deleteOnTermination, Instant attachedAt, State state) {
    private static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9/_.-]{1,64}");

    /** How far it has come, in EC2's words. One that has ended is no longer there. */
    public enum State {
        ATTACHING("attaching"),
        ATTACHED("attached"),
        DETACHING("detaching");

        private final String word;

        State(String word) {
            this.word = word;
        }

        @JsonValue
        public String word() {
            return word;
        }
    }

    /** @throws StoreException INVALID_REQUEST for a name that no device has */
    public VolumeAttachment {
        if (!DEVICE.matcher(device).matches()) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a device name has 1 to 64 letters, digits and /_.-: \"" + Text.shown(device) + '"');
        }
    }

    public VolumeAttachment with(State newState) {
        return new VolumeAttachment(instance, device, deleteOnTermination, attachedAt, newState);
    }

    public VolumeAttachment withDeleteOnTermination(boolean isDeleted) {
        return new VolumeAttachment(instance, device, isDeleted, attachedAt, state);
    }
}
