"""Speech to text: what recordings are, and the engines that hear them."""
