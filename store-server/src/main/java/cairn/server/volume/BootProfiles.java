package cairn.server.volume;

import cairn.image.ImageId;
import java.util.Optional;

/** Boot profiles as they are kept from one boot to the next. Methods may block. */
public interface BootProfiles {
    /** Where nothing is known, and nothing kept. */
    BootProfiles NONE = new BootProfiles() {
        @Override
        public Optional<BootProfile> find(ImageId image) {
            return Optional.empty();
        }

        @Override
        public void add(ImageId image, BootRecording recording) {}
    };

    /** The profile for an image: its own, else that of the nearest image that it was made from. */
    Optional<BootProfile> find(ImageId image);

    /** Adds a boot to an image's own profile; does nothing where the image has been removed. */
    void add(ImageId image, BootRecording recording);
}
