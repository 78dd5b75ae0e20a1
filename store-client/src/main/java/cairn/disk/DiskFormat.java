package cairn.disk;

/** How a file holds a disk. */
public enum DiskFormat {
    /** Byte for byte: a file or a block device. */
    RAW,
    /** QEMU's, versions 2 and 3. */
    QCOW2,
    /** VMware's, in a single sparse file: monolithicSparse or streamOptimized. */
    VMDK,
    /** Virtual PC's and older Hyper-V's, also of Azure: fixed or dynamic. */
    VHD,
    /** Hyper-V's: fixed or dynamic. */
    VHDX
}
