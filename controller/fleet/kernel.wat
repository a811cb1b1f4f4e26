;; The inner loops of collections over a whole fleet, on a block of devices at a time. All it works on is in its own memory,
;; which fleet/whole-fleet.ts lays out. test/fleet/plain-kernel.ts says the same in TypeScript, and tests hold the two equal.
;;
;; A plane is a bit a device, eight devices to a byte.
(module
  (memory (export "memory") 1)

  ;; Each device into the plane of its code: `table` has, for each code, the address of a plane. Codes are `width` bytes each,
  ;; 1, 2 or 4; `rows` is a multiple of 64. Devices are taken in turn from eight parts of the block, so that the byte that one
  ;; of them wrote is not read by the next: that would have to wait, and take three times as long in all.
  (func (export "place") (param $codes i32) (param $width i32) (param $rows i32) (param $table i32)
    (local $mask i32) (local $part i32) (local $row i32) (local $code i32) (local $byte i32) (local $bit i32) (local $at i32)
    (local.set $mask (i32.shr_u (i32.const -1) (i32.sub (i32.const 32) (i32.shl (local.get $width) (i32.const 3)))))
    (local.set $part (i32.shr_u (local.get $rows) (i32.const 3)))
    (loop $next
      (local.set $code (i32.add (local.get $codes) (i32.mul (local.get $row) (local.get $width))))
      (local.set $byte (i32.shr_u (local.get $row) (i32.const 3)))
      (local.set $bit (i32.shl (i32.const 1) (i32.and (local.get $row) (i32.const 7))))
      (loop $parts
        (local.set $at (i32.and (i32.load (local.get $code)) (local.get $mask)))
        (local.set $at (i32.load (i32.add (local.get $table) (i32.shl (local.get $at) (i32.const 2)))))
        (local.set $at (i32.add (local.get $at) (local.get $byte)))
        (i32.store8 (local.get $at) (i32.or (i32.load8_u (local.get $at)) (local.get $bit)))
        (local.set $code (i32.add (local.get $code) (i32.mul (local.get $part) (local.get $width))))
        (local.set $byte (i32.add (local.get $byte) (i32.shr_u (local.get $part) (i32.const 3))))
        (br_if $parts (i32.lt_u (local.get $byte) (local.get $part))))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $row) (local.get $part)))))

  ;; Steps of five words each, from `step` up to `end`: what to do, to which plane, with which three, a, b and c. 0 is a and b
  ;; and c, 1 is a or b or c, 2 is a without b and c. Each plane is its first byte's address and `bytes` long, a multiple of 16.
  ;; All of it is "and": or is what is not in any of them, turned round again.
  (func (export "combine") (param $step i32) (param $end i32) (param $bytes i32)
    (local $to i32) (local $toEnd i32) (local $a i32) (local $b i32) (local $c i32) (local $turn v128) (local $turnOthers v128)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $step) (local.get $end)))
        (local.set $turn (i32x4.eq (v128.load32_splat (local.get $step)) (v128.const i32x4 1 1 1 1)))
        (local.set $turnOthers (i32x4.ne (v128.load32_splat (local.get $step)) (v128.const i32x4 0 0 0 0)))
        (local.set $to (i32.load offset=4 (local.get $step)))
        (local.set $a (i32.load offset=8 (local.get $step)))
        (local.set $b (i32.load offset=12 (local.get $step)))
        (local.set $c (i32.load offset=16 (local.get $step)))
        (local.set $toEnd (i32.add (local.get $to) (local.get $bytes)))
        (loop $more
          (v128.store (local.get $to)
            (v128.xor (local.get $turn)
              (v128.and
                (v128.xor (local.get $turn) (v128.load (local.get $a)))
                (v128.and
                  (v128.xor (local.get $turnOthers) (v128.load (local.get $b)))
                  (v128.xor (local.get $turnOthers) (v128.load (local.get $c)))))))
          (local.set $to (i32.add (local.get $to) (i32.const 16)))
          (local.set $a (i32.add (local.get $a) (i32.const 16)))
          (local.set $b (i32.add (local.get $b) (i32.const 16)))
          (local.set $c (i32.add (local.get $c) (i32.const 16)))
          (br_if $more (i32.lt_u (local.get $to) (local.get $toEnd))))
        (local.set $step (i32.add (local.get $step) (i32.const 20)))
        (br $next))))

  ;; 1 when two planes of `bytes` bytes, a multiple of 16, are not the same, else 0.
  (func (export "differs") (param $a i32) (param $b i32) (param $bytes i32) (result i32)
    (local $end i32) (local $difference v128)
    (local.set $end (i32.add (local.get $a) (local.get $bytes)))
    (loop $more
      (local.set $difference
        (v128.or (local.get $difference) (v128.xor (v128.load (local.get $a)) (v128.load (local.get $b)))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $more (i32.lt_u (local.get $a) (local.get $end))))
    (v128.any_true (local.get $difference))))
