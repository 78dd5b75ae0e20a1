package cairn.server.image;

import cairn.image.NewSnapshot;
import cairn.image.VolumeId;

/** A snapshot of one of several volumes. */
public record WantedSnapshot(VolumeId volume, NewSnapshot snapshot) {}
