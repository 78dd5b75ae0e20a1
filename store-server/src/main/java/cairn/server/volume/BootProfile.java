package cairn.server.volume;

import cairn.image.ImageId;
import java.util.ArrayList;
import java.util.List;

/**
 * What is known of an image's boots.
 *
 * @param image whose boots were recorded
 * @param boots how many, ever
 * @param recordings the last of them, the oldest first
 */
public record BootProfile(ImageId image, long boots, List<BootRecording> recordings) {
    /** As many recordings as are kept. */
    public static final int RECORDINGS_MAX = 7;

    public BootProfile {
        recordings = List.copyOf(recordings);
    }

    /** What the next boot will want. */
    public BootOrder order() {
        return BootOrder.most(recordings.stream().map(BootRecording::touched).toList());
    }

    /** With one more boot, for which the oldest recording may have to go. */
    public BootProfile with(BootRecording recording) {
        int from = Math.max(0, recordings.size() + 1 - RECORDINGS_MAX);
        List<BootRecording> kept = new ArrayList<>(recordings.subList(from, recordings.size()));
        kept.add(recording);
        return new BootProfile(image, boots + 1, kept);
    }
}
