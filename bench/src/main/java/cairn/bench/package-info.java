/**
 * Questions about speed and stored bytes, each with a program that answers it.
 */
package cairn.bench;
